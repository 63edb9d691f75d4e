<?php
// pack.php FOLDER FILE: puts the PHP sources of a folder into one archive, which PHP reads as it is.
[, $folder, $file] = $argv;
$phar = new Phar($file);
$phar->startBuffering();
$phar->buildFromDirectory($folder, '/\.php$/');
$phar->setStub('<?php __HALT_COMPILER();');
$phar->stopBuffering();
