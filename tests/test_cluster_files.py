"""The files that clusters start from, as far as they can be checked without a cloud and without Kubernetes.

cluster.yaml goes through Ray's own defaults and schema, the RayCluster through the function by which Ray's autoscaler
reads one inside Kubernetes. KubeRay's own schema, its CRDs, is in no package. The one below was written by hand from
the types of KubeRay's API: it knows the fields that are used here and no others, and cannot tell what a given release
of the operator accepts.
"""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from ray._private.runtime_env.packaging import _dir_travel
from ray.autoscaler._private.kuberay.autoscaling_config import _derive_autoscaling_config_from_ray_cr
from ray.autoscaler._private.util import prepare_config, validate_config

from raycal.cluster.connection import MACHINES, nodes_to_come
from raycal.cluster.resources import Node

ROOT = Path(__file__).parent.parent
KUBERAY = ROOT / "docs" / "kuberay"
MEGABYTE = 2**20


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


# --- ray up ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster() -> dict[str, Any]:
    """What `ray up` would work with, up to its first question to AWS."""
    config: dict[str, Any] = prepare_config(read(ROOT / "cluster.yaml"))
    return config


def nodes(cluster: dict[str, Any], *, gpu: bool) -> dict[str, dict[str, Any]]:
    types: dict[str, dict[str, Any]] = cluster["available_node_types"]
    return {name: node for name, node in types.items() if ("GPU" in node["resources"]) is gpu}


def start_of(commands: list[str]) -> list[str]:
    """The words of the one `ray start` among some commands."""
    [start] = [command for command in commands if "ray start" in command]
    return start.split()


def commands_of(cluster: dict[str, Any]) -> list[str]:
    return [command for key, found in cluster.items() if key.endswith("_commands") for command in found]


def test_ray_accepts_the_cluster_file(cluster: dict[str, Any]) -> None:
    validate_config(cluster)


def test_the_head_has_no_gpu_and_no_place_for_tasks(cluster: dict[str, Any]) -> None:
    head = cluster["available_node_types"][cluster["head_node_type"]]
    assert head["resources"] == {"CPU": 0}
    assert not re.match(r"g|p", head["node_config"]["InstanceType"])


def test_machines_with_and_without_gpu_start_on_demand_only(cluster: dict[str, Any]) -> None:
    workers = {
        name: node for name, node in cluster["available_node_types"].items() if name != cluster["head_node_type"]
    }
    assert {"GPU" in node["resources"] for node in workers.values()} == {True, False}
    assert all(node["min_workers"] == 0 < node["max_workers"] for node in workers.values())
    # A job that is planned on machines which may not all come would wait for them.
    assert cluster["max_workers"] == sum(node["max_workers"] for node in workers.values())


def test_spot_machines_are_the_same_as_the_others_and_come_first(cluster: dict[str, Any]) -> None:
    spot, other = (nodes(cluster, gpu=True)[name] for name in ("gpu_spot", "gpu_on_demand"))
    assert spot["node_config"] == other["node_config"] | {"InstanceMarketOptions": {"MarketType": "spot"}}
    assert "InstanceMarketOptions" not in other["node_config"]
    assert spot["resources"] == other["resources"]
    assert spot["priority"] > other.get("priority", 0)


def test_idle_machines_are_given_back(cluster: dict[str, Any]) -> None:
    assert 0 < cluster["idle_timeout_minutes"] <= 30
    assert cluster["provider"]["cache_stopped_nodes"] is False


def test_dashboard_and_job_server_listen_on_loopback(cluster: dict[str, Any]) -> None:
    assert "--dashboard-host=127.0.0.1" in start_of(cluster["head_start_ray_commands"])


def test_no_port_is_opened_beyond_those_that_ray_opens(cluster: dict[str, Any]) -> None:
    assert cluster["provider"]["security_group"].keys() == {"GroupName"}
    assert not any("SecurityGroupIds" in node["node_config"] for node in cluster["available_node_types"].values())


def test_all_nodes_ask_for_the_same_token(cluster: dict[str, Any]) -> None:
    token = "~/.ray/auth_token"  # noqa: S105 - its place
    assert cluster["file_mounts"][token] == token
    for commands in (cluster["head_setup_commands"], cluster["worker_setup_commands"]):
        assert any("RAY_AUTH_MODE=token" in command and ">> ~/.bashrc" in command for command in commands)


def test_the_head_launches_workers_and_the_workers_find_it(cluster: dict[str, Any]) -> None:
    head, worker = start_of(cluster["head_start_ray_commands"]), start_of(cluster["worker_start_ray_commands"])
    assert {"--head", "--port=6379", "--autoscaling-config=~/ray_bootstrap_config.yaml"} <= set(head)
    assert "--address=$RAY_HEAD_IP:6379" in worker


def test_all_nodes_mount_the_storage_that_the_page_on_clusters_names(cluster: dict[str, Any]) -> None:
    assert any(
        "mount -t nfs4" in command and "/mnt/raycal" in command for command in cluster["initialization_commands"]
    )
    assert not any("initialization_commands" in node for node in cluster["available_node_types"].values())
    assert "storage=/mnt/raycal" in (ROOT / "docs" / "clusters.md").read_text()


def test_jobs_are_told_what_the_autoscaler_may_add(cluster: dict[str, Any]) -> None:
    (told,) = {match for command in commands_of(cluster) for match in re.findall(f'{MACHINES}="(.*)"', command)}
    assert_told_what_may_come(told, cluster)


def assert_told_what_may_come(told: str, cluster: dict[str, Any]) -> None:
    most = Counter[Node]()
    for name, kind in cluster["available_node_types"].items():
        if name != cluster["head_node_type"]:
            most[Node(kind["resources"]["CPU"], kind["resources"].get("GPU", 0))] += kind["max_workers"]
    assert Counter(nodes_to_come(told, [])) == most


def test_every_command_is_bash(cluster: dict[str, Any]) -> None:
    commands = commands_of(cluster)
    assert commands
    for command in commands:
        subprocess.run(["bash", "-n", "-c", command], check=True)


def test_what_the_set_up_reads_is_sent(cluster: dict[str, Any]) -> None:
    sent = {
        Path(to).relative_to("~/raycal"): ROOT / here for to, here in cluster["file_mounts"].items() if "raycal" in to
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {".ci", "pyproject.toml", "raycal", project["readme"], *project["license-files"]}
    assert {str(to) for to in sent} == needed
    assert all((ROOT / to).samefile(here) for to, here in sent.items())
    assert any(".ci/install gpu" in command for command in cluster["setup_commands"])
    assert (ROOT / ".ci" / "locks" / "gpu.txt").is_file()


def test_environment_results_and_history_stay_at_home(cluster: dict[str, Any]) -> None:
    """Ray walks a mounted folder as a whole before rsync leaves anything out, so they may not even be inside of one."""
    sent = [(ROOT / here).resolve() for here in cluster["file_mounts"].values() if not here.startswith("~")]
    assert sent
    for name in (".venv", ".git", "results"):
        assert not any((ROOT / name).is_relative_to(folder) for folder in sent), name
    files = [file for folder in sent for file in [folder, *folder.rglob("*")] if file.is_file()]
    assert sum(file.stat().st_size for file in files if "__pycache__" not in file.parts) < 5 * MEGABYTE
    assert {".git", ".venv", "__pycache__"} <= set(cluster["rsync_exclude"])


def test_a_job_takes_the_code_along_and_neither_environment_nor_results_nor_history(tmp_path: Path) -> None:
    for name in (".gitignore", ".rayignore"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    for name in (
        ".git/HEAD",
        ".venv/bin/python",
        "results/answers/shard.parquet",
        "raycal/cli/main.py",
        "jobs/demo.yaml",
    ):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    taken: list[Path] = []
    _dir_travel(tmp_path, [], taken.append, include_gitignore=True)
    assert {str(file.relative_to(tmp_path)) for file in taken if file.is_file()} - {".gitignore", ".rayignore"} == {
        "raycal/cli/main.py",
        "jobs/demo.yaml",
    }


# --- KubeRay ---------------------------------------------------------------------------------------------------------


def fields(required: list[str], **known: Any) -> dict[str, Any]:
    """A JSON schema of an object that has no fields but the known ones."""
    return {"type": "object", "properties": known, "required": required, "additionalProperties": False}


def listed(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": item, "minItems": 1}


TEXT, FLAG, ANY = {"type": "string", "minLength": 1}, {"type": "boolean"}, {"type": "object"}
COUNT = {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}  # numbers would be refused
QUANTITIES = {
    "type": "object",
    "additionalProperties": {"type": ["integer", "string"], "pattern": r"^\d+(m|[KMGT]i?)?$"},
}
POD = fields(
    ["spec"],
    spec=fields(
        ["containers"],
        containers=listed(
            fields(
                ["name", "image"],
                name=TEXT,
                image=TEXT,
                env=listed(fields(["name", "value"], name=TEXT, value=TEXT)),
                resources=fields([], requests=QUANTITIES, limits=QUANTITIES),
                volumeMounts=listed(fields(["name", "mountPath"], name=TEXT, mountPath=TEXT)),
            )
        ),
        volumes=listed(
            fields(["name"], name=TEXT, persistentVolumeClaim=fields(["claimName"], claimName=TEXT)),
        ),
        tolerations=listed(
            fields([], key=TEXT, operator={"enum": ["Exists", "Equal"]}, effect={"enum": ["NoSchedule", "NoExecute"]})
        ),
    ),
)
RAY_CLUSTER_SPEC = fields(
    ["headGroupSpec"],
    rayVersion=TEXT,
    authOptions=fields([], mode={"enum": ["disabled", "token"]}, secretName=TEXT),
    enableInTreeAutoscaling=FLAG,
    autoscalerOptions=fields([], idleTimeoutSeconds=COUNT, version={"enum": ["v1", "v2"]}),
    headGroupSpec=fields(
        ["template"],
        serviceType={"enum": ["ClusterIP", "NodePort", "LoadBalancer"]},
        rayStartParams=TEXTS,
        template=POD,
    ),
    workerGroupSpecs=listed(
        fields(
            ["groupName", "minReplicas", "maxReplicas", "template"],
            groupName=TEXT,
            replicas=COUNT,
            minReplicas=COUNT,
            maxReplicas=COUNT,
            rayStartParams=TEXTS,
            template=POD,
        )
    ),
)
RAY_JOB_SPEC = fields(
    [],
    entrypoint=TEXT,
    backoffLimit=COUNT,
    shutdownAfterJobFinishes=FLAG,
    ttlSecondsAfterFinished=COUNT,
    rayClusterSpec=RAY_CLUSTER_SPEC,
)
CLAIM_SPEC = fields(
    ["accessModes", "resources"],
    accessModes=listed({"enum": ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany"]}),
    resources=fields(["requests"], requests=QUANTITIES),
    storageClassName=TEXT,
)


@pytest.fixture(scope="module")
def ray_cluster() -> dict[str, Any]:
    found: dict[str, Any] = read(KUBERAY / "raycluster.yaml")
    return found


@pytest.fixture(scope="module")
def ray_job() -> dict[str, Any]:
    found: dict[str, Any] = read(KUBERAY / "rayjob.yaml")
    return found


@pytest.mark.parametrize(
    ("name", "version", "kind", "spec"),
    [
        ("raycluster", "ray.io/v1", "RayCluster", RAY_CLUSTER_SPEC),
        ("rayjob", "ray.io/v1", "RayJob", RAY_JOB_SPEC),
        ("storage", "v1", "PersistentVolumeClaim", CLAIM_SPEC),
    ],
)
def test_a_manifest_has_known_fields_only(name: str, version: str, kind: str, spec: dict[str, Any]) -> None:
    schema = fields(
        ["apiVersion", "kind", "metadata", "spec"],
        apiVersion={"const": version},
        kind={"const": kind},
        metadata=fields(["name"], name={"type": "string", "pattern": r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"}),
        spec=spec,
    )
    Draft202012Validator.check_schema(schema)
    errors = Draft202012Validator(schema).iter_errors(read(KUBERAY / f"{name}.yaml"))
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def test_rays_autoscaler_reads_the_ray_cluster(ray_cluster: dict[str, Any]) -> None:
    stored = ray_cluster | {"metadata": ray_cluster["metadata"] | {"namespace": "default"}}
    config = _derive_autoscaling_config_from_ray_cr(stored)
    types = config["available_node_types"]
    head, cpu, gpu = (types[name] for name in (config["head_node_type"], "cpu", "gpu"))
    assert head["resources"]["CPU"] == 0
    assert "GPU" not in head["resources"]
    assert "GPU" not in cpu["resources"]
    assert gpu["resources"]["GPU"] == 1
    assert cpu["min_workers"] == gpu["min_workers"] == 0 < min(cpu["max_workers"], gpu["max_workers"])
    assert 0 < config["idle_timeout_minutes"] <= 30
    groups = [ray_cluster["spec"]["headGroupSpec"], *ray_cluster["spec"]["workerGroupSpecs"]]
    # On the workers too: a sweep's trials, which plan trainings, run there.
    told, *others = (told for group in groups for told in group["template"]["spec"]["containers"][0]["env"])
    assert others == [told, told]
    assert told["name"] == MACHINES
    assert_told_what_may_come(told["value"], config)


def test_the_ray_cluster_asks_for_a_token_and_is_not_reached_from_outside(ray_cluster: dict[str, Any]) -> None:
    assert ray_cluster["spec"]["authOptions"] == {"mode": "token"}
    assert ray_cluster["spec"]["headGroupSpec"]["serviceType"] == "ClusterIP"
    assert ray_cluster["spec"]["enableInTreeAutoscaling"] is True


def test_all_pods_share_the_claim_at_one_path(ray_cluster: dict[str, Any]) -> None:
    claim = read(KUBERAY / "storage.yaml")
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    for group in (ray_cluster["spec"]["headGroupSpec"], *ray_cluster["spec"]["workerGroupSpecs"]):
        pod = group["template"]["spec"]
        [container], [volume] = pod["containers"], pod["volumes"]
        assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
        assert container["volumeMounts"] == [{"name": volume["name"], "mountPath": "/mnt/raycal"}]


def test_a_ray_job_brings_the_same_cluster_and_takes_it_along(
    ray_cluster: dict[str, Any], ray_job: dict[str, Any]
) -> None:
    assert ray_job["spec"]["rayClusterSpec"] == ray_cluster["spec"]
    assert ray_job["spec"]["shutdownAfterJobFinishes"] is True
    assert "--set storage=/mnt/raycal" in ray_job["spec"]["entrypoint"]


def test_the_ray_of_the_manifests_is_the_ray_of_the_lock(ray_cluster: dict[str, Any]) -> None:
    version = ray_cluster["spec"]["rayVersion"]
    assert version == importlib.metadata.version("ray")
    assert f"ray=={version}" in (ROOT / ".ci" / "locks" / "gpu.txt").read_text().splitlines()


def test_the_image_is_built_from_files_that_are_there() -> None:
    lines = [line.split() for line in (KUBERAY / "Dockerfile").read_text().splitlines()]
    copied = [
        source for word, *sources in (line for line in lines if line) if word == "COPY" for source in sources[:-1]
    ]
    assert copied
    assert all((ROOT / source).exists() for source in copied)
