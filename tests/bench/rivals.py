"""What a program without this package does: the patterns of the model's page."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

_POLL_SECONDS = 5.0
_HEADERS = {"Authorization": "Bearer bench", "User-Agent": "bench"}


def make_in_pool(url: str, prompts: str, threads: str) -> Any:
    """Enqueue, ask for each job every 5 seconds, download: each prompt in a thread of a pool."""

    def one(number: int) -> int:
        with requests.Session() as session:
            session.headers.update(_HEADERS)
            body = _body(number)
            answer = session.post(f"{url}/api/ai/queue", json=body, timeout=60).json()
            path = f"{url}/api/ai/queue/{answer['generations'][0]['generation_id']}"
            job = {"status": "queued"}
            while job["status"] in ("queued", "processing"):
                time.sleep(_POLL_SECONDS)
                job = session.get(path, timeout=60).json()
            return _download(session, job["result_url"])

    began = time.monotonic()
    with ThreadPoolExecutor(int(threads)) as pool:
        sizes = list(pool.map(one, range(int(prompts))))
    return {"made": len(sizes), "bytes": sum(sizes), "seconds": time.monotonic() - began}


def make_one_by_one(url: str, prompts: str) -> Any:
    """Call the sync endpoint and download, one prompt after the other."""
    began = time.monotonic()
    total = 0
    with requests.Session() as session:
        session.headers.update(_HEADERS)
        for number in range(int(prompts)):
            path = f"{url}/api/ai/images/generate"
            answer = session.post(path, json=_body(number), timeout=60).json()
            total += _download(session, answer["images"][0]["url"])
    return {"made": int(prompts), "bytes": total, "seconds": time.monotonic() - began}


def _body(number: int) -> dict[str, str]:
    return {
        "model": "google-nano-banana-pro",
        "prompt": f"A cup of tea on table number {number}",
        "aspect_ratio": "1:1",
        "resolution": "1K",
    }


def _download(session: requests.Session, url: str) -> int:
    answer = session.get(url, timeout=60)
    answer.raise_for_status()
    return len(answer.content)
