'use strict';

/*
 * Code that comes as an archive: zip (stored or deflated) and tar.gz.
 *
 * Names are never followed out of the action's folder: absolute ones, `..` and
 * links are refused, with the whole archive.
 */

const fs = require('fs');
const path = require('path');
const zlib = require('zlib');

const BROKEN = 'There was an error uncompressing the action archive.';
const MAX_UNPACKED = 2 * 1024 * 1024 * 1024;

/** ArchiveError says why an archive cannot be used. */
class ArchiveError extends Error {
    constructor(reason) {
        super(`${BROKEN} ${reason}`);
        this.name = 'Error';
    }
}

/**
 * makeDirectory returns a new private folder, as process.cwd() will report it:
 * below the working directory where the platform gave us one, else in /tmp.
 */
function makeDirectory() {
    const cwd = process.cwd();
    return fs.realpathSync(fs.mkdtempSync((cwd === '/' ? '/tmp' : cwd) + '/action-'));
}

/** unpack writes the files of an archive into a new folder and returns its path. */
function unpack(data) {
    const files = entries(data);
    const root = makeDirectory();
    for (const file of files) {
        writeEntry(root, file);
    }
    return root;
}

function entries(data) {
    if (data.length > 4 && data[0] === 0x50 && data[1] === 0x4b) {
        return zipEntries(data);
    }
    if (data.length > 2 && data[0] === 0x1f && data[1] === 0x8b) {
        return tarEntries(inflate(() => zlib.gunzipSync(data, { maxOutputLength: MAX_UNPACKED })));
    }
    throw new ArchiveError('It is neither a zip nor a tar.gz file.');
}

function writeEntry(root, { name, mode, data }) {
    const target = path.join(root, safeName(name));
    if (name.endsWith('/')) {
        fs.mkdirSync(target, { recursive: true });
        return;
    }
    fs.mkdirSync(path.dirname(target), { recursive: true });
    // Readable and writable whatever the archive says; of its rights only the executable bits matter.
    fs.writeFileSync(target, data(), { mode: 0o644 | (mode & 0o111) });
}

function safeName(name) {
    if (name === '' || name.startsWith('/') || name.includes('\0') || name.split('/').includes('..')) {
        throw new ArchiveError(`The entry '${name}' would leave the folder.`);
    }
    return name;
}

function inflate(work) {
    try {
        return work();
    } catch (error) {
        throw new ArchiveError(error.message);
    }
}

/*
 * Zip: the central directory at the end is what counts (PKWARE APPNOTE 4.3).
 */

const END_SIGNATURE = 0x06054b50;
const CENTRAL_SIGNATURE = 0x02014b50;
const LOCAL_SIGNATURE = 0x04034b50;
const END_SIZE = 22;
const CENTRAL_SIZE = 46;
const LOCAL_SIZE = 30;
const LINK_TYPE = 0o120000;
const TYPE_MASK = 0o170000;

function zipEntries(zip) {
    const end = findEnd(zip);
    const count = zip.readUInt16LE(end + 10);
    let at = zip.readUInt32LE(end + 16);
    const files = [];
    for (let i = 0; i < count; i++) {
        if (at + CENTRAL_SIZE > zip.length || zip.readUInt32LE(at) !== CENTRAL_SIGNATURE) {
            throw new ArchiveError('Its directory is damaged.');
        }
        files.push(zipEntry(zip, at));
        at += CENTRAL_SIZE + zip.readUInt16LE(at + 28) + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
    }
    return files;
}

function findEnd(zip) {
    // A comment of up to 65535 bytes may follow the record.
    for (let at = zip.length - END_SIZE; at >= Math.max(0, zip.length - END_SIZE - 65535); at--) {
        if (zip.readUInt32LE(at) === END_SIGNATURE) {
            return at;
        }
    }
    throw new ArchiveError('It is cut off.');
}

function zipEntry(zip, at) {
    const file = {
        flags: zip.readUInt16LE(at + 8),
        method: zip.readUInt16LE(at + 10),
        crc: zip.readUInt32LE(at + 16),
        packed: zip.readUInt32LE(at + 20),
        size: zip.readUInt32LE(at + 24),
        offset: zip.readUInt32LE(at + 42),
        // Only Unix writers (4.4.2: 3, and 19 for macOS) store a mode here.
        mode: [3, 19].includes(zip[at + 5]) ? zip.readUInt16LE(at + 40) : 0,
        name: zip.toString('utf8', at + CENTRAL_SIZE, at + CENTRAL_SIZE + zip.readUInt16LE(at + 28)),
    };
    if ((file.mode & TYPE_MASK) === LINK_TYPE) {
        throw new ArchiveError(`The entry '${file.name}' is a link.`);
    }
    if (file.flags & 1) {
        throw new ArchiveError(`The entry '${file.name}' is encrypted.`);
    }
    file.data = () => zipData(zip, file);
    return file;
}

function zipData(zip, file) {
    const { offset, packed, size, name } = file;
    if (offset + LOCAL_SIZE > zip.length || zip.readUInt32LE(offset) !== LOCAL_SIGNATURE) {
        throw new ArchiveError(`The entry '${name}' is damaged.`);
    }
    const start = offset + LOCAL_SIZE + zip.readUInt16LE(offset + 26) + zip.readUInt16LE(offset + 28);
    const raw = zip.subarray(start, start + packed);
    let data;
    if (file.method === 0) {
        data = raw;
    } else if (file.method === 8) {
        data = inflate(() => zlib.inflateRawSync(raw, { maxOutputLength: Math.max(size, 1) }));
    } else {
        throw new ArchiveError(`The entry '${name}' is compressed in an unknown way.`);
    }
    if (data.length !== size || (zlib.crc32 && zlib.crc32(data) !== file.crc)) {
        throw new ArchiveError(`The entry '${name}' is damaged.`);
    }
    return data;
}

/*
 * Tar: ustar with the long names of GNU and pax.
 */

const BLOCK = 512;

function tarEntries(tar) {
    const files = [];
    let longName = null;
    for (let at = 0; at + BLOCK <= tar.length && tar[at] !== 0;) {
        const size = octal(tar, at + 124, 12);
        const type = String.fromCharCode(tar[at + 156]);
        const start = at + BLOCK;
        if (start + size > tar.length) {
            throw new ArchiveError('It is cut off.');
        }
        const data = tar.subarray(start, start + size);
        const name = longName || tarName(tar, at);
        at = start + Math.ceil(size / BLOCK) * BLOCK;
        if (type === 'L') {
            longName = text(data, 0, size);
        } else if (type === 'x') {
            longName = paxPath(data) || longName;
        } else if (type !== 'g') {
            longName = null;
            files.push(tarEntry(name, type, octal(tar, start - BLOCK + 100, 8), data));
        }
    }
    return files.filter((file) => file.name !== './' && file.name !== '.');
}

function tarEntry(name, type, mode, data) {
    if (type !== '0' && type !== '\0' && type !== '5') {
        throw new ArchiveError(`The entry '${name}' is a link or no file.`);
    }
    return { name: type === '5' && !name.endsWith('/') ? name + '/' : name, mode, data: () => data };
}

function tarName(tar, at) {
    const name = text(tar, at, 100);
    const prefix = text(tar, at + 257, 5) === 'ustar' ? text(tar, at + 345, 155) : '';
    return prefix ? prefix + '/' + name : name;
}

/** paxPath finds `<length> path=<name>\n` among the records of an extended header. */
function paxPath(data) {
    for (let at = 0; at < data.length;) {
        const space = data.indexOf(32, at);
        const length = parseInt(text(data, at, space - at), 10);
        if (space < 0 || !(length > 0)) {
            return null;
        }
        const record = data.toString('utf8', space + 1, at + length - 1);
        if (record.startsWith('path=')) {
            return record.slice(5);
        }
        at += length;
    }
    return null;
}

function octal(tar, at, length) {
    const value = parseInt(text(tar, at, length).trim() || '0', 8);
    if (!(value >= 0)) {
        throw new ArchiveError('It is damaged.');
    }
    return value;
}

function text(data, at, length) {
    const end = data.indexOf(0, at);
    return data.toString('utf8', at, end < 0 || end > at + length ? at + length : end);
}

/*
 * What is in the folder.
 */

const INDEXES = ['index.js', 'index.mjs'];

/** hasEntry says whether the folder can be loaded as a package. */
function hasEntry(root) {
    return ['package.json', ...INDEXES].some((name) => fs.existsSync(path.join(root, name)));
}

/** entryFile is the file that the package in root starts with. */
function entryFile(root) {
    const { main, exports } = readPackage(root);
    const named = main || (typeof exports === 'string' ? exports : null);
    const candidates = named ? [named, named + '.js', named + '/index.js', named + '.json'] : [];
    for (const name of [...candidates, ...INDEXES]) {
        const file = path.join(root, name);
        if (fs.existsSync(file) && fs.statSync(file).isFile()) {
            return file;
        }
    }
    throw new Error(`Cannot find module '${path.join(root, named || INDEXES[0])}'`);
}

function readPackage(root) {
    const file = path.join(root, 'package.json');
    return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : {};
}

/**
 * installDependencies tries `npm install` when package.json names dependencies
 * and none came with the archive. A failure is only reported: the action's own
 * require says better what is missing.
 */
function installDependencies(root, log) {
    const dependencies = readPackage(root).dependencies;
    if (process.env.OW_ENABLE_INIT_INSTALL === 'false' || !dependencies ||
        Object.keys(dependencies).length === 0 || fs.existsSync(path.join(root, 'node_modules'))) {
        return undefined;
    }
    return new Promise((resolve) => {
        const args = ['install', '--omit=dev', '--no-audit', '--no-fund', '--no-progress'];
        require('child_process').execFile('npm', args, { cwd: root }, (error, stdout, stderr) => {
            if (error) {
                log(`npm install: ${stderr || error.message}\n`);
            }
            resolve();
        });
    });
}

module.exports = { makeDirectory, unpack, hasEntry, entryFile, installDependencies };
