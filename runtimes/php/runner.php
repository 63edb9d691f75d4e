<?php
/*
 * Runs one function: a request is a line on standard input, its result a line on
 * file descriptor 3, which first says that the function was found. It ends with its
 * input. The arguments are the entry point and the folder with the code, whose main
 * file is index.php, or exec where one file was uploaded.
 *
 * All names are in a namespace of ours; the code is loaded in a function, so that no
 * variable of ours is in its reach.
 */

namespace Quirl;

const FLAGS = JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_PRESERVE_ZERO_FRACTION | JSON_UNESCAPED_LINE_TERMINATORS;

/** Says that the code cannot be used; the message is for the log. */
final class Missing extends \Exception {}

ini_set('display_errors', 'stderr');
ini_set('html_errors', '0');
error_reporting(E_ALL);
set_time_limit(0);
while (ob_get_level() > 0) {
    ob_end_clean();
}
main($argv[1], $argv[2]);

function main(string $name, string $folder): never
{
    // What is descriptor 0 afterwards is empty, for functions and for their children.
    $requests = fopen('php://fd/0', 'r');
    fclose(\STDIN);
    $GLOBALS['quirl_stdin'] = fopen('/dev/null', 'r');
    $results = fopen('php://fd/3', 'w');
    try {
        load($name, $folder);
    } catch (\Throwable $failure) {
        report($failure);
        exit(1);
    }
    answer($results, '{"ok":true}');
    while (($line = fgets($requests)) !== false) {
        answer($results, run($name, $line));
    }
    exit(0);
}

function load(string $name, string $folder): void
{
    chdir($folder);
    $file = null;
    foreach (['index.php', 'exec'] as $known) {
        $file ??= is_file("$folder/$known") ? "$folder/$known" : null;
    }
    if ($file === null) {
        throw new Missing('Zip file does not include index.php.');
    }
    if (str_contains(file_get_contents($file, false, null, 0, 4096), "\0")) {
        throw new Missing('The code is neither an archive nor a PHP source: syntax error.');
    }
    autoload($folder);
    include_code($file);
    if (!is_callable($name)) {
        throw new Missing("There is no function $name in the code.");
    }
}

/** Makes installed packages known: those in the archive, or else ours. */
function autoload(string $folder): void
{
    foreach (["$folder/vendor/autoload.php", __DIR__ . '/vendor/autoload.php'] as $packages) {
        if (is_file($packages)) {
            include_code($packages);
            return;
        }
    }
}

/** What a source prints outside of functions is output like any other. */
function include_code(string $file): void
{
    (static function () {
        require_once func_get_arg(0);
    })($file);
}

function run(string $name, string $line): string
{
    try {
        $request = json_decode($line, true, 2048, JSON_THROW_ON_ERROR);
        foreach ($request as $key => $value) {
            if ($key !== 'value' && is_string($value)) {
                export('__OW_' . strtoupper($key), $value);
            }
        }
        $given = $request['value'] ?? [];
        return encode($name($given), $given === [] && str_contains($line, '"value":[]'));
    } catch (\Throwable $failure) {
        report($failure);
        return json_encode(['error' => $failure->getMessage()], FLAGS | JSON_INVALID_UTF8_SUBSTITUTE);
    } finally {
        flush();
    }
}

function export(string $name, string $value): void
{
    putenv("$name=$value");
    $_ENV[$name] = $value;
    $_SERVER[$name] = $value;
}

/**
 * An empty array is an object in PHP's answers, as functions mean it, unless it was
 * called with an empty list. What is neither object nor array is refused by who reads it.
 */
function encode(mixed $value, bool $list): string
{
    if ($value === []) {
        return $list ? '[]' : '{}';
    }
    if (!is_array($value) && !is_object($value)) {
        fwrite(\STDERR, 'Result must be an array but is of type ' . get_debug_type($value) . "\n");
        return 'null';
    }
    $text = json_encode($value, FLAGS, 2048);
    if ($text === false) {
        fwrite(\STDERR, 'Result cannot be JSON: ' . json_last_error_msg() . "\n");
        return 'null';
    }
    return $text;
}

function report(\Throwable $failure): void
{
    fwrite(\STDERR, ($failure instanceof Missing ? $failure->getMessage() : "PHP error: $failure") . "\n");
}

function answer($results, string $line): void
{
    fwrite($results, $line . "\n");
    fflush($results);
}
