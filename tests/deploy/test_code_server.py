"""The code location of the compose file, as a process: a reload brings what briefs say now."""

import sys
from pathlib import Path

import dagster as dg

from nbp_dagster.project import open_instance
from tests.deploy.files import DOCKER, fill, read_yaml
from tests.rigs.briefs import campaign, shot, write_briefs
from tests.rigs.dagster_private import GrpcServerCodeLocationOrigin
from tests.rigs.processes import Shell, find_free_port, wait_for


def test_reload_definitions_brings_new_prompts(tmp_path: Path) -> None:
    words = read_yaml(DOCKER / "docker-compose.yaml")["services"]["code"]["command"]
    port = find_free_port()
    here = {"0.0.0.0": "127.0.0.1", "4000": str(port)}
    command = [sys.executable, "-m", *(here.get(word, fill(word, secret="")) for word in words)]
    shell = Shell(tmp_path)
    write_briefs(shell.briefs, campaign(shot("kitchen"), id="winter"))
    origin = GrpcServerCodeLocationOrigin(host="127.0.0.1", port=port, location_name="nbp_dagster")

    with open_instance(shell.home / "dagster") as instance, shell.in_repository(*command) as server:

        def is_up() -> bool:
            assert server.is_running, server.output
            check = ("api", "grpc-health-check", "--port", str(port))
            return shell.dagster(*check).returncode == 0

        wait_for(is_up, what="the code server", every=0.5)
        before = prompts_of(origin, instance)
        write_briefs(shell.briefs, campaign(shot("kitchen"), shot("garden"), id="winter"))
        origin.reload_location(instance).cleanup()
        after = prompts_of(origin, instance)

    assert before == {"winter/kitchen/all/1x1/v1"}
    assert after == {"winter/kitchen/all/1x1/v1", "winter/garden/all/1x1/v1"}


def prompts_of(origin: GrpcServerCodeLocationOrigin, instance: dg.DagsterInstance) -> set[str]:
    """The partitions of the paid asset, as the webserver hears of them."""
    location = origin.create_location(instance)
    try:
        [repository] = location.get_repositories().values()
        node = repository.get_asset_node_snap(dg.AssetKey("generated_images"))
        assert node is not None
        assert node.partitions is not None
        return set(node.partitions.get_partitions_definition().get_partition_keys())
    finally:
        location.cleanup()
