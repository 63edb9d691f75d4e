'use strict';

/*
 * The action: its code, its state and its activations.
 *
 *   ready --init--> starting --> ready, main set --run--> running --> ready
 *                       `--> stopped <-- an exception nobody caught
 *
 * Texts and status codes are OpenWhisk's (runtime contract 1.2, 1.3, 5.1).
 */

const vm = require('vm');

// What an engine says of a module that is taken for a script. JavaScriptCore knows no await there: it stumbles over what follows.
const OF_V8 = /Cannot use import statement|Unexpected token 'export'|'import\.meta'|await is only valid/;
const OF_JAVASCRIPTCORE = /Unexpected keyword 'export'|import call expects|import\.meta is only valid|^Unexpected (number|identifier|string|keyword)/;
const DIALECT_ERRORS = process.versions.bun ? OF_JAVASCRIPTCORE : OF_V8;
const NAME = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*(\.[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*)*$/u;

class Action {
    /** `output` has log and mark, see output.js. */
    constructor(output) {
        this.output = output;
        this.status = 'ready';
        this.main = null;
        this.initializing = null; // fails the /init under way
        this.turns = new Set(); // ends the /runs under way
        this.concurrent = process.env.__OW_ALLOW_CONCURRENT === 'true';
    }

    /** isPristine says that nothing was loaded, nor tried. */
    isPristine() {
        return this.status === 'ready' && this.main === null;
    }

    /**
     * init answers POST /init; reply(status, json) is called once. With shared the
     * action may run several times at once, and its output tells the activations apart.
     */
    init(message, reply, shared) {
        if (!this.isPristine()) {
            const text = 'Cannot initialize the action more than once.';
            this.output.log('Internal system error: ' + text); // no sentinel: nothing ended
            reply(403, errorJSON(text));
            return;
        }
        const value = message.value || {};
        const code = value.folder || value.code;
        if (!value.main || !code || typeof value.main !== 'string' || typeof code !== 'string') {
            const text = 'Missing main/no code to execute.';
            this.output.log('Error during initialization: ' + text);
            this.output.mark();
            reply(403, errorJSON(text));
            return;
        }
        this.start(value, reply, shared);
    }

    start(value, reply, shared) {
        this.status = 'starting';
        const loaded = (main) => {
            if (this.initializing !== null) {
                this.initializing = null;
                this.main = main;
                this.status = 'ready';
                if (shared) {
                    this.concurrent = true;
                    this.output.share();
                }
                reply(200, '{"OK":true}');
            }
        };
        const failed = (error) => {
            if (this.initializing !== null) {
                this.initializing = null;
                this.status = 'stopped';
                const text = stackOf(error);
                this.output.log('Error during initialization: ' + text);
                this.output.mark();
                reply(502, errorJSON('Initialization has failed due to: ' + text));
            }
        };
        this.initializing = failed;
        load(value).then(loaded, failed);
    }

    /**
     * run answers POST /run; reply(status, json, silent) is called once. sentinels
     * is 'always', 'if-printed' or 'never'; silent says that there were none.
     */
    run(message, reply, sentinels) {
        if (this.main === null || (this.status !== 'ready' && !(this.concurrent && this.status === 'running'))) {
            const status = this.isPristine() ? 'uninitialized' : this.status;
            const text = `System not ready, status is ${status}.`;
            this.output.log('Internal system error: ' + text);
            reply(403, errorJSON(text));
            return;
        }
        this.status = 'running';
        setRunEnv(message);
        const turn = new Turn(this, reply, sentinels, this.output.printer(message.activation_id));
        this.turns.add(turn);
        turn.call(message.value === undefined ? {} : message.value);
    }

    ended(turn) {
        this.turns.delete(turn);
        if (this.turns.size === 0 && this.status === 'running') {
            this.status = 'ready';
        }
    }

    /**
     * fault takes an exception that no code of the action caught. It belongs to
     * whatever is under way. With nothing under way the process ends: its state
     * is unknown, and a dead container is noticed before it gets more work.
     */
    fault(error) {
        if (this.initializing !== null) {
            this.initializing(error);
        } else if (this.turns.size > 0) {
            for (const turn of [...this.turns]) {
                turn.thrown(error);
            }
        } else {
            this.output.log(stackOf(error));
            process.exit(1);
        }
    }
}

/** Turn is one call of the action's function. */
class Turn {
    /** printer is the activation's own output, null when no other one can be under way. */
    constructor(action, reply, sentinels, printer) {
        this.action = action;
        this.reply = reply;
        this.sentinels = sentinels;
        this.printer = printer;
        this.over = false;
    }

    call(args) {
        let result;
        try {
            const { main } = this.action; // called without a `this`
            result = this.printer === null ? main(args) : this.printer.call(main, args);
        } catch (error) {
            this.thrown(error);
            return;
        }
        if (isPromise(result)) {
            Promise.resolve(result).then((value) => this.returned(value), (error) => this.rejected(error));
        } else {
            this.returned(result);
        }
    }

    returned(value) {
        let json;
        try {
            json = value === undefined ? '{}' : JSON.stringify(value);
        } catch (error) { // circular, BigInt, or a toJSON that throws
            this.log(stackOf(error));
            this.finish(502, errorJSON('An error has occurred: ' + textOf(error)));
            return;
        }
        if (json === undefined || (json[0] !== '{' && json[0] !== '[')) {
            this.log(`Result must be of type object but has type "${value === null ? 'null' : typeof value}": ${textOf(value)}`);
            this.finish(502, errorJSON('The action did not return a dictionary.'));
            return;
        }
        this.finish(200, json);
    }

    /** rejected: the function handled its failure, so this is the action's own error. */
    rejected(reason) {
        let json = '{"error":{}}';
        if (reason) {
            json = JSON.stringify({ error: plain(reason, []) });
        }
        this.finish(200, json);
    }

    /** thrown: the function did not handle its failure, and nobody knows what it left behind. */
    thrown(error) {
        this.log(stackOf(error));
        this.action.status = 'stopped';
        this.finish(502, errorJSON('An error has occurred: ' + textOf(error)));
    }

    log(text) {
        if (!this.over) {
            this.action.output.log(text, this.printer);
        }
    }

    finish(status, json) {
        if (this.over) {
            return;
        }
        this.over = true;
        this.action.ended(this);
        this.reply(status, json, this.endOutput());
    }

    /** endOutput returns whether it could do without sentinels. */
    endOutput() {
        const { output } = this.action;
        const printed = this.printer === null ? !output.isSilent() : this.printer.printed;
        const silent = this.sentinels === 'never' || (this.sentinels === 'if-printed' && !printed);
        if (this.printer !== null) {
            this.printer.end(silent);
        } else if (silent) {
            output.endSilently();
        } else {
            output.mark();
        }
        return silent;
    }
}

function isPromise(value) {
    try {
        return value !== null && typeof value === 'object' && typeof value.then === 'function';
    } catch {
        return false;
    }
}

function setInitEnv(env) {
    for (const key of Object.keys(env || {})) {
        const value = env[key];
        process.env[key] = typeof value === 'string' ? value : JSON.stringify(value);
    }
}

function setRunEnv(message) {
    for (const key of Object.keys(message)) {
        if (key !== 'value' && typeof message[key] === 'string') {
            process.env['__OW_' + key.toUpperCase()] = message[key];
        }
    }
}

/*
 * Loading.
 */

async function load(value) {
    setInitEnv(value.env);
    return value.binary || value.folder ? loadArchive(value) : loadText(value);
}

/**
 * loadText evaluates source text in the scope of a function, with the names that
 * every CommonJS module has, and returns the entry function (or a promise of
 * it). Text with import or export statements is loaded as an ES module.
 */
function loadText({ code, main }) {
    if (!NAME.test(main)) {
        throw new Error(`Action entrypoint '${main}' is not a function.`);
    }
    let scope;
    try {
        scope = compile(code, main);
    } catch (error) {
        if (error instanceof SyntaxError && DIALECT_ERRORS.test(error.message)) {
            return loadModuleText(code, main, error);
        }
        throw error;
    }
    const module = { exports: {}, id: '.', filename, loaded: false, children: [], paths: [] };
    const found = scope.call(module.exports, module.exports, requireFrom(), module, filename, __dirname);
    module.loaded = true;
    return entry(found, module.exports, main);
}

const filename = __dirname + '/action-code.js'; // no such file: what traces name, and where require starts

const PARAMETERS = ['exports', 'require', 'module', '__filename', '__dirname'];

function compile(code, main) {
    const owner = main.includes('.') ? main.slice(0, main.lastIndexOf('.')) : 'undefined';
    // The last line is out of the user's line numbers; it looks the name up in the user's scope.
    const text = `${code}\n;return { quirlEntry: () => ${main}, quirlOwner: () => ${owner} };`;
    const loader = vm.constants && vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;
    if (!loader && /\bimport\s*\(/.test(code)) { // Node 18: only eval hands import() on from here
        return eval(`(function (${PARAMETERS.join()}) {${text}})\n//# sourceURL=${filename}`);
    }
    hideLoaderWarning();
    // A debugger finds the code by the name of the file that its user edits.
    const named = process.env.QUIRL_CODE_NAME || filename;
    return vm.compileFunction(text, PARAMETERS, { filename: named, importModuleDynamically: loader });
}

/** hideLoaderWarning spares users the news that our choice of loader is experimental. */
function hideLoaderWarning() {
    if (emitWarning === null) {
        emitWarning = process.emitWarning;
        process.emitWarning = (warning, ...rest) => {
            if (!String(warning).includes('USE_MAIN_CONTEXT_DEFAULT_LOADER')) {
                emitWarning.call(process, warning, ...rest);
            }
        };
    }
}

let emitWarning = null; // Node's own

let resolver = null;

function requireFrom() {
    return resolver || (resolver = require('module').createRequire(filename));
}

function entry(found, exports, main) {
    let missing = null;
    try {
        const local = found && found.quirlEntry && found.quirlEntry();
        if (typeof local === 'function') {
            const owner = found.quirlOwner();
            return owner === undefined ? local : local.bind(owner);
        }
    } catch (error) {
        if (!(error instanceof ReferenceError)) {
            throw error;
        }
        missing = error;
    }
    const exported = member(exports, main);
    if (typeof exported === 'function') {
        return exported;
    }
    throw missing || notFunction(main);
}

function notFunction(main) {
    return new TypeError(`Action entrypoint '${main}' is not a function.`);
}

/** member follows a dotted path and keeps `this` for methods. */
function member(object, path) {
    let owner;
    let value = object;
    for (const name of path.split('.')) {
        if (value === null || value === undefined) {
            return undefined;
        }
        owner = value;
        value = value[name];
    }
    return typeof value === 'function' && owner !== object ? value.bind(owner) : value;
}

async function loadModuleText(code, main, reason) {
    const archive = require('./archive.js');
    const file = archive.makeDirectory() + '/index.mjs';
    require('fs').writeFileSync(file, code);
    try {
        return moduleEntry(await importFile(file), main);
    } catch (error) {
        // Where neither dialect fits, the complaint of the one that the text was written in is the useful one.
        throw error instanceof SyntaxError && !/^\s*(import|export)\b/m.test(code) ? reason : error;
    }
}

function importFile(file) {
    return import(require('url').pathToFileURL(file).href);
}

/** moduleEntry finds the entry in what require or import gave, also below or as the default export. */
function moduleEntry(exports, main) {
    const direct = member(exports, main);
    if (typeof direct === 'function') {
        return direct;
    }
    const fallback = exports && exports.default;
    const below = member(fallback, main);
    if (typeof below === 'function') {
        return below;
    }
    if (main === 'main' && typeof fallback === 'function') {
        return fallback;
    }
    throw notFunction(main);
}

/**
 * loadArchive unpacks a zip or tar.gz, unless the platform did and says where, makes
 * its folder the working directory, and requires it.
 */
async function loadArchive({ code, folder, main }) {
    const archive = require('./archive.js');
    const root = folder || archive.unpack(Buffer.from(code, 'base64'));
    process.chdir(root);
    const split = splitMain(root, main);
    if (split === null && !archive.hasEntry(root)) {
        throw new Error('Zipped actions must contain either package.json or index.js at the root.');
    }
    await archive.installDependencies(root, (text) => process.stderr.write(text));
    addPreinstalled();
    const [file, name] = split || [archive.entryFile(root), main];
    return moduleEntry(await loadFile(file), name);
}

/** splitMain reads `module.func`: the file and the exported name, or null where there is no such file. */
function splitMain(root, main) {
    const dot = main.lastIndexOf('.');
    if (dot <= 0) {
        return null;
    }
    try {
        return [requireFrom().resolve(root + '/' + main.slice(0, dot)), main.slice(dot + 1)];
    } catch {
        return null;
    }
}

const ASYNC_MODULE = new Set(['ERR_REQUIRE_ESM', 'ERR_REQUIRE_ASYNC_MODULE']);

async function loadFile(file) {
    if (file.endsWith('.mjs')) {
        return importFile(file);
    }
    try {
        return requireFrom()(file);
    } catch (error) {
        if (error && (ASYNC_MODULE.has(error.code) || /require\(\) async module/.test(error.message))) { // Bun has the message alone
            return importFile(file);
        }
        throw error;
    }
}

/** addPreinstalled lets archives fall back to the packages installed beside this file. */
function addPreinstalled() {
    const packages = __dirname + '/node_modules';
    if (require('fs').existsSync(packages)) {
        process.env.NODE_PATH = process.env.NODE_PATH ? process.env.NODE_PATH + ':' + packages : packages;
        require('module')._initPaths();
    }
}

/*
 * Errors as text and as JSON.
 */

function errorJSON(text) {
    return JSON.stringify({ error: text });
}

function textOf(value) {
    try {
        return String(value);
    } catch {
        return Object.prototype.toString.call(value);
    }
}

/** stackOf gives the stack with the place of a syntax error, or the text of what was thrown. */
function stackOf(error) {
    try {
        if (error !== null && typeof error === 'object' && error.stack) {
            return String(error.stack);
        }
    } catch {
        // A getter that throws: the text has to do.
    }
    return textOf(error);
}

const ERROR_FIELDS = ['name', 'message', 'stack', 'code', 'cause'];

/** plain copies a value into something JSON can hold: errors with their fields, no circles. */
function plain(value, above) {
    switch (typeof value) {
    case 'bigint':
    case 'symbol':
        return textOf(value);
    case 'function':
        return `[Function: ${value.name || 'anonymous'}]`;
    case 'object':
        return value === null ? null : plainObject(value, above);
    default:
        return value;
    }
}

function plainObject(value, above) {
    if (above.includes(value)) {
        return '[Circular]';
    }
    try {
        if (Buffer.isBuffer(value)) {
            return '[object Buffer]';
        }
        if (typeof value.toJSON === 'function') {
            return plain(value.toJSON(), [...above, value]);
        }
        return copyFields(value, [...above, value]);
    } catch (error) {
        return textOf(error);
    }
}

function copyFields(value, above) {
    if (Array.isArray(value)) {
        return value.map((item) => plain(item, above));
    }
    const copy = {};
    if (value instanceof Error || typeof value.stack === 'string') {
        for (const field of ERROR_FIELDS) {
            if (value[field] !== undefined) {
                copy[field] = plain(value[field], above);
            }
        }
    }
    for (const key of Object.keys(value)) {
        if (typeof value[key] !== 'function' && value[key] !== undefined) {
            copy[key] = plain(value[key], above);
        }
    }
    return copy;
}

module.exports = { Action };
