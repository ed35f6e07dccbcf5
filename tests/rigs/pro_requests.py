"""What google-nano-banana-pro is asked for every packaged channel; run as a module it writes them.

What is paid stays paid: these lines change only where a change is meant to buy pictures again.
"""

from collections.abc import Iterator
from dataclasses import replace

from nbp_dagster.briefs.load import load_briefs
from nbp_dagster.briefs.model_limits import Capabilities
from nbp_dagster.prompts.expansion import expand
from nbp_dagster.prompts.request import PAGE_CAPABILITIES, compile_request
from tests.rigs.prompt_goldens import GOOD_BRIEFS, ROOT, SHEETS, digests_of

GOLDEN = ROOT / "tests" / "goldens" / "pro_requests.txt"
LIVE_RATIOS = (*PAGE_CAPABILITIES.aspect_ratios, "4:5", "5:4", "21:9")
SCHEMAS = {
    "page": PAGE_CAPABILITIES,
    "live": Capabilities(LIVE_RATIOS, ("1K", "2K", "4K"), PAGE_CAPABILITIES.parameters),
}


def list_requests() -> Iterator[str]:
    """Yield channel, schema, partition key, ratio and fingerprint of one picture for each channel.

    The shots have no drawn words, so that each channel is one picture.
    """
    briefs = load_briefs(GOOD_BRIEFS)
    campaign = briefs.campaigns["spring_launch"]
    shots = tuple(shot for shot in campaign.shots if shot.text != "drawn")
    for name in briefs.channels:
        update = {"channels": (name,), "variants": 1, "shots": shots}
        alone = campaign.model_copy(update=update)
        changed = replace(briefs, campaigns={campaign.id: alone})
        for schema, capabilities in SCHEMAS.items():
            for prompt in expand(changed):
                request = compile_request(
                    changed,
                    prompt,
                    provider="oxen",
                    capabilities=capabilities,
                    sheets=SHEETS,
                    digests=digests_of(briefs),
                )
                ratio = request.parameters["aspect_ratio"]
                yield f"{name} {schema} {prompt.key} {ratio} {request.fingerprint}"


if __name__ == "__main__":
    GOLDEN.write_text("".join(f"{line}\n" for line in list_requests()), encoding="utf-8")
