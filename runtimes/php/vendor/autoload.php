<?php
/*
 * Makes the packages known that come with the runtime, when a function asks for the
 * first of their classes: one that does not pays nothing for them.
 */
spl_autoload_register(static function (string $class): void {
    static $packages = [
        'GuzzleHttp\\Promise\\' => 'GuzzleHttp/Promise', 'GuzzleHttp\\Psr7\\' => 'GuzzleHttp/Psr7', 'GuzzleHttp\\' => 'GuzzleHttp',
        'Psr\\Http\\Client\\' => 'Psr/Http/Client', 'Psr\\Http\\Message\\' => 'Psr/Http/Message',
        'Ramsey\\Collection\\' => 'Ramsey/Collection', 'Ramsey\\Uuid\\' => 'Ramsey/Uuid', 'Brick\\Math\\' => 'Brick/Math',
    ];
    $archive = 'phar://' . __DIR__ . '/packages.phar';
    foreach ($packages as $prefix => $folder) {
        if (!str_starts_with($class, $prefix) || !is_file("$archive/$folder/autoload.php")) {
            continue;
        }
        unset($packages[$prefix]);
        $before = spl_autoload_functions();
        $path = set_include_path($archive . PATH_SEPARATOR . get_include_path());
        require_once "$archive/$folder/autoload.php";
        set_include_path($path);
        foreach (spl_autoload_functions() as $load) { // those of the packages, which are not asked for this class any more
            if (!in_array($load, $before, true) && !class_exists($class, false) && !interface_exists($class, false)) {
                $load($class);
            }
        }
        return;
    }
});
