"""Fetches a URL with the standard library alone."""

import urllib.error
import urllib.request


def main(args):
    """Returns status and text of what is behind args["url"]."""
    url = args.get("url", "")
    if not url.startswith(("http://", "https://")):
        return {"error": "Expected an argument 'url' that begins with http:// or https://."}
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return result(answer)
    except urllib.error.HTTPError as answer:  # an answer all the same
        return result(answer)
    except OSError as problem:
        return {"error": f"{url}: {problem}"}


def result(answer):
    return {"status": answer.status, "body": answer.read().decode("utf-8", "replace")}
