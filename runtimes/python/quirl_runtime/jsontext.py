"""JSON by the C half of the standard library's json package alone.

Importing that package costs seven milliseconds at every cold start, most of it
for regular expressions that its C half does not use. What an action imports
itself is its own affair. Where the C half is not as expected, the package serves.
"""

try:
    import _json

    class _Rules:
        """What the C scanner asks of a json.JSONDecoder."""

        strict = True
        object_hook = None
        object_pairs_hook = None
        parse_float = float
        parse_int = int
        parse_constant = staticmethod(
            {"-Infinity": float("-inf"), "Infinity": float("inf"), "NaN": float("nan")}.__getitem__
        )
        memo = {}

    def _default(value):
        raise TypeError("Object of type %s is not JSON serializable" % value.__class__.__name__)

    def _encoder():
        return _json.make_encoder({}, _default, _json.encode_basestring, None, ":", ",", False, False, False)

    _scan = _json.make_scanner(_Rules())
    _encoder()([{"a": 1.5}], 0)
except (ImportError, AttributeError, TypeError):
    _json = None

_SPACE = " \t\n\r"


def loads(text):
    """Returns the value of a JSON text; ValueError when it is none."""
    if _json is None:
        return _loads_slowly(text)
    start = len(text) - len(text.lstrip(_SPACE))
    try:
        value, end = _scan(text, start)
    except StopIteration as stop:
        raise ValueError("Expecting value: char %d" % stop.value) from None
    except SystemError:
        # The C scanner finds its exception in json.decoder, if that is imported.
        return _loads_slowly(text)
    if text[end:].strip(_SPACE):
        raise ValueError("Extra data: char %d" % end)
    return value


def _loads_slowly(text):
    import json

    return json.loads(text)


def dumps(value):
    """Returns the compact JSON text of a value, in Unicode.

    TypeError for what JSON does not have, ValueError for circles and for numbers
    that are none.
    """
    if _json is None:
        import json

        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return "".join(_encoder()(value, 0))
