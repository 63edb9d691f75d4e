"""The action: its code, its state and its activations.

Texts and status codes are those of OpenWhisk's ActionLoop images (runtime
contract 1.2, 5.2, 6.2, 11.3): an exception of the function is the action's own
error and answered with status 200; what keeps the action from starting is
explained on standard error and answered with a general text.
"""

import os
import sys

from quirl_runtime import jsontext, output

MODULE = "main__"
LOST = "The action failed to generate or locate a binary. See logs for details."
DEAD = "Cannot start action. Check logs for details."
NOT_ACTIVATION = "The action did not return a dictionary or array."


class LoadError(Exception):
    """The code cannot even be tried; the message is for the log."""


class Action:
    """One action, from its /init to the end of the process."""

    def __init__(self):
        self.was_silent = False  # no sentinels were written for the last run
        self.main = None
        self.tried = False  # an /init with code was seen
        self.dead = False
        self.directory = None
        self.exit_code = None  # set when the action asked for the end of the process

    def is_pristine(self):
        """Says that nothing was loaded, nor tried."""
        return not self.tried

    def init(self, message):
        """Answers POST /init with (status, body)."""
        if self.tried:
            text = "Cannot initialize the action more than once."
            output.log(text)  # no sentinel: nothing ended
            return 403, error_json(text)
        value = message.get("value")
        value = value if isinstance(value, dict) else {}
        code = value.get("folder") or value.get("code")
        if not code or not isinstance(code, str):
            text = "Missing main/no code to execute."
            output.log(text)
            output.mark()
            return 403, error_json(text)
        self.tried = True
        failure = self._start(value, code)
        if failure is None:
            return 200, b'{"ok":true}'
        output.mark()
        return 502, error_json(failure)

    def _start(self, value, code):
        """Loads the code; returns None or the text of the failure."""
        try:
            set_init_env(value.get("env"))
            if value.get("folder"):  # the platform has unpacked it there
                self.directory = code
                rename_main(code)
            else:
                self.directory = self._place(code, bool(value.get("binary")))
            os.chdir(self.directory)
            sys.path.insert(0, self.directory)
            prepare_packages(self.directory)
            check_source(os.path.join(self.directory, MODULE + ".py"))
        except SyntaxError:
            log_exception()
            return LOST
        except LoadError as error:
            output.log(str(error))
            return LOST
        except Exception:
            log_exception()
            return LOST
        return self._import(value.get("main") or "main")

    def _place(self, code, binary):
        """Puts the code into a new folder, with its main file under the module's name."""
        directory = make_directory()
        if binary:
            from quirl_runtime import archive
            try:
                archive.unpack(code, directory)
            except archive.ArchiveError as error:
                raise LoadError(str(error)) from None
            rename_main(directory)
        else:
            with open(os.path.join(directory, MODULE + ".py"), "wb") as file:
                file.write(code.encode("utf-8", "surrogatepass"))
        return directory

    def _import(self, name):
        try:
            module = load_edited(self.directory) if os.environ.get("QUIRL_CODE_NAME") else __import__(MODULE)
            function = getattr(module, name, None)
            if function is None:
                raise ImportError("cannot import name %r from %r" % (name, MODULE))
            if not callable(function):
                raise TypeError("%r of %r is not a function" % (name, MODULE))
        except BaseException:  # also sys.exit(): nothing the code does may end us here
            log_exception()
            return DEAD
        self.main = function
        return None

    def run(self, message, sentinels="always"):
        """Answers POST /run with (status, body).

        sentinels is "always", "if-printed" or "never"; was_silent says that there
        were none.
        """
        self.was_silent = False
        if self.main is None or self.dead:
            text = "no action defined yet"
            output.log(text)
            return 500, error_json(text)
        set_run_env(message)
        reply = self._call(message.get("value", {}))
        self.was_silent = output.end(sentinels)
        return reply

    def _call(self, arguments):
        try:
            result = self.main(arguments)
            if hasattr(result, "__await__"):
                import asyncio
                result = asyncio.run(result if asyncio.iscoroutine(result) else complete(result))
        except SystemExit as error:
            # OpenWhisk's proxy sees its child end and says so; then the process does end.
            self.dead = True
            self.exit_code = exit_code(error.code)
            return 400, error_json("command exited")
        except BaseException as error:
            log_exception()
            return 200, error_json(text_of(error))
        return self._encode(result)

    def _encode(self, result):
        if not isinstance(result, (dict, list, tuple)):
            output.log("Result must be of type dict or list but has type %s" % type(result).__name__)
            return 502, error_json(NOT_ACTIVATION)
        try:
            return 200, encode(result)
        except Exception:  # not serialisable, circular, NaN
            log_exception()
            return 502, error_json(NOT_ACTIVATION)

    def forget(self):
        """Takes the traces of a dummy action away, see server.warm."""
        sys.modules.pop(MODULE, None)
        if self.directory is not None:
            sys.path_importer_cache.pop(self.directory, None)
            os.unlink(os.path.join(self.directory, MODULE + ".py"))
            os.rmdir(self.directory)


async def complete(awaitable):
    return await awaitable


def encode(value):
    """Returns compact JSON in UTF-8; a lone surrogate is escaped."""
    text = jsontext.dumps(value)
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        import json

        return json.dumps(value, separators=(",", ":")).encode("ascii")


def error_json(text):
    return encode({"error": text})


def text_of(error):
    try:
        return str(error)
    except Exception:  # a __str__ that fails itself
        return type(error).__name__


def exit_code(code):
    """The process status that sys.exit(code) stands for."""
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    output.log(str(code))
    return 1


def log_exception():
    """Writes the current exception's traceback, without the frames of this runtime."""
    import traceback
    kind, error, trace = sys.exc_info()
    ours = os.path.dirname(os.path.abspath(__file__))
    while trace is not None and is_ours(trace.tb_frame.f_code.co_filename, ours):
        trace = trace.tb_next
    lines = traceback.format_exception(kind, error, trace)
    if trace is None:  # format_exception leaves the title out when there are no frames
        lines.insert(0, "Traceback (most recent call last):\n")
    output.log("".join(lines))


def is_ours(filename, ours):
    return filename.startswith(ours + os.sep) or filename.startswith("<frozen importlib")


def set_init_env(env):
    for key, value in (env or {}).items():
        os.environ[key] = value if isinstance(value, str) else jsontext.dumps(value)


def set_run_env(message):
    for key, value in message.items():
        if key != "value" and isinstance(value, str):
            os.environ["__OW_" + key.upper()] = value


def make_directory():
    """Makes a new private folder and returns its path as os.getcwd will report it.

    It lies below the working directory where the platform gave us one, else in /tmp.
    """
    cwd = os.getcwd()
    base = os.path.realpath("/tmp") if cwd == "/" else cwd
    while True:
        directory = os.path.join(base, "action-" + os.urandom(6).hex())
        try:
            os.mkdir(directory, 0o700)
            return directory
        except FileExistsError:
            continue


def rename_main(directory):
    """Gives the archive's main file the name that the module has."""
    target = os.path.join(directory, MODULE + ".py")
    for name in ("exec", "__main__.py", "main.py"):
        source = os.path.join(directory, name)
        if os.path.isfile(source) and not os.path.exists(target):
            os.rename(source, target)
    if not os.path.exists(target) and not os.path.isdir(os.path.join(directory, MODULE)):
        raise LoadError("Zip file does not include __main__.py")


def check_source(path):
    """Compiles the main file, so that a syntax error is told from a failing import."""
    if os.path.exists(path):
        with open(path, "rb") as file:
            compile(file.read(), path, "exec", dont_inherit=True)


def load_edited(directory):
    """Imports links from where they lead to: a debugger finds code by the files that its user edits."""
    from importlib import util
    path = os.path.realpath(os.path.join(directory, MODULE + ".py"))
    sys.path.insert(0, os.path.dirname(path))
    spec = util.spec_from_file_location(MODULE, path)
    module = sys.modules[MODULE] = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def prepare_packages(directory):
    """Activates the archive's virtualenv, or installs its requirements."""
    virtualenv = os.path.join(directory, "virtualenv")
    if os.path.isdir(virtualenv):
        activate(virtualenv)
    elif os.path.exists(os.path.join(directory, "requirements.txt")):
        install_requirements(directory)


def activate(virtualenv):
    for folder in ("bin", "Scripts"):  # the second one where it was packed on Windows
        script = os.path.join(virtualenv, folder, "activate_this.py")
        if os.path.exists(script):
            with open(script, "rb") as file:
                code = compile(file.read(), script, "exec", dont_inherit=True)
            exec(code, {"__file__": script, "__name__": "activate_this"})
            return
    raise LoadError("Invalid virtualenv. Zip file does not include 'activate_this.py'.")


def install_requirements(directory):
    """Tries pip; a failure is only reported, the action's import says better what is missing."""
    if os.environ.get("OW_ENABLE_INIT_INSTALL") == "false":
        return
    import subprocess
    packages = os.path.join(directory, "virtualenv-packages")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check",
               "--target", packages, "-r", os.path.join(directory, "requirements.txt")]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        output.log(done.stdout.decode("utf-8", "replace"))
    sys.path.insert(1, packages)


def add_site_builtins():
    """Adds exit and quit, which module site would have added; scripts use them."""
    import builtins
    builtins.exit = builtins.quit = sys.exit
