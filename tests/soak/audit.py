"""Bills, ledger, sets and folders held against each other when all is quiet again."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import fsspec

from nbp_dagster.clock import SystemClock
from nbp_dagster.studio.ledger.database import open_ledger
from nbp_dagster.studio.ledger.ledger import Ledger
from nbp_dagster.studio.ledger.purchases import Purchase
from tests.rigs.farm import BUCKET
from tests.rigs.s3 import variables_of
from tests.soak.briefs import ChangingBriefs
from tests.soak.hosts import Host
from tests.soak.servers import Servers

# Of the ledger's rows that are not ended.
_OPEN = frozenset({"intended", "enqueued"})


def read_rows(url: str) -> list[Purchase]:
    """Return the ledger."""
    ledger = Ledger(open_ledger(url), clock=SystemClock())
    try:
        return list(ledger.rows())
    finally:
        ledger.close()


def find_mismatches(servers: Servers, rows: Sequence[Purchase]) -> Iterator[str]:
    """Yield what the books have wrong, a line each."""
    bills = servers.service.bills()
    owners = Counter(row.generation_id for row in rows if row.generation_id is not None)
    for generation, count in owners.items():
        if count > 1:
            yield f"generation {generation} has {count} rows"
    for generation in set(bills) - set(owners):
        yield f"generation {generation} was sold and no row knows it (billed: {bills[generation]})"
    for row in rows:
        if row.state in _OPEN:
            yield f"row {row.id} of {row.key} is still {row.state}"
        elif row.generation_id is not None and bills.get(row.generation_id) != row.billed:
            yield f"row {row.id} of {row.key} ({row.state}) says billed: {row.billed}"
    paid = Counter(row.fingerprint for row in rows if row.billed)
    for fingerprint, count in paid.items():
        if count > 1:
            yield f"fingerprint {fingerprint} was paid {count} times"


def find_gaps(hosts: Iterable[Host], briefs: ChangingBriefs) -> Iterator[str]:
    """Yield what sets lack, and files that nobody needs, a line each."""
    for host in hosts:
        for campaign in briefs.campaigns:
            # Brings what another host wrote.
            done = host.shell.nbp("export", campaign)
            if done.returncode != 0:
                yield f"{host.name}: export {campaign}: {done.stdout}{done.stderr}"
            folder = host.shell.home / "sets" / campaign
            try:
                manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
            except OSError as error:
                yield f"{host.name}: no set of {campaign}: {error}"
                continue
            if manifest["missing"]:
                yield f"{host.name}: {campaign} lacks {manifest['missing']}"
            for picture in manifest["pictures"]:
                data = (folder / picture["file"]).read_bytes()
                if hashlib.sha256(data).hexdigest() != picture["sha256"]:
                    yield f"{host.name}: {campaign}/{picture['file']} has other bytes"
        store = host.shell.home / "store"
        for path in store.glob("incoming/*"):
            yield f"{host.name}: left behind: incoming/{path.name}"
        for path in store.glob("pending/*"):
            # Its last run sent what earlier ones could not. A mark alone, of a process that was
            # killed before it had moved the file, names nothing.
            if (store / path.name[:2] / path.name).exists():
                yield f"{host.name}: never sent: {path.name}"


def find_strays(servers: Servers, rows: Sequence[Purchase]) -> Iterator[str]:
    """Yield what the bucket has and should not, or lacks, a line each."""
    keys = variables_of(servers.bucket)
    files = fsspec.filesystem(
        "s3",
        endpoint_url=keys["AWS_ENDPOINT_URL"],
        key=keys["AWS_ACCESS_KEY_ID"],
        secret=keys["AWS_SECRET_ACCESS_KEY"],
    )
    found = set()
    for path in files.find(BUCKET):
        folder, _, name = path.rpartition("/")
        if "/images/" not in path:
            continue
        found.add(name)
        if hashlib.sha256(files.cat_file(path)).hexdigest() != name:
            yield f"{path} has the bytes of another file, or not all of its own"
        if not folder.endswith(f"/images/{name[:2]}"):
            yield f"{path} is not where anybody looks for it"
    for row in rows:
        if row.state == "made" and row.image is not None and row.image.sha256 not in found:
            yield f"row {row.id} of {row.key}: its original is not in the bucket"
