"""The files of a deployment hold what they promise: hardened, pinned, without secrets, and true to the settings."""

from __future__ import annotations

import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic.fields import FieldInfo

from actions.settings import ActionsSettings
from bot.commands.doctor import DIALOGUE_SETTINGS
from bot.gateway.metrics import Metrics
from bot.plans import QUIET
from bot.settings import SECRETS_DIR_VARIABLE, GatewaySettings, StackSettings, load_settings, variable

REPOSITORY = Path(__file__).resolve().parents[2]
DEPLOY = REPOSITORY / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
SETTINGS = (StackSettings, GatewaySettings, ActionsSettings)
OF_COMPOSE = {"GATEWAY_AT", "WITH_EMBEDDED_MODEL", "BEDSIDE_ROLL_OVER_TURNS", SECRETS_DIR_VARIABLE}
PORTS = {"gateway": 8080, "actions": 5055, "dialogue": 5005, "store": 6379}
IN_FILES = re.compile(r"(pass|secret|token|key)", re.IGNORECASE)


def read(path: Path) -> list[Any]:
    return [document for document in yaml.safe_load_all(path.read_text(encoding="utf-8")) if document is not None]


def compose(name: str = "compose.yaml") -> dict[str, Any]:
    loaded: dict[str, Any] = read(DEPLOY / name)[0]
    return loaded


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose()["services"]
    return found


def objects() -> list[dict[str, Any]]:
    names = sorted(path for path in KUBERNETES.glob("*.yaml") if path.name != "kustomization.yaml")
    return [document for path in names for document in read(path)]


def workloads() -> dict[str, dict[str, Any]]:
    kinds = {"Deployment", "StatefulSet"}
    return {thing["metadata"]["name"]: thing for thing in objects() if thing["kind"] in kinds}


def dockerfiles() -> list[Path]:
    return sorted((DEPLOY / "images").glob("*.Dockerfile"))


# --- every setting --------------------------------------------------------------------------------


def explained() -> dict[str, str]:
    lines = (DEPLOY / ".env.example").read_text(encoding="utf-8").splitlines()
    return dict(line[1:].split("=", 1) for line in lines if re.match(r"#[A-Z_]+=", line))


def test_the_example_explains_every_setting_and_no_other() -> None:
    known = {variable(field) for settings in SETTINGS for field in settings.model_fields}
    derived = DIALOGUE_SETTINGS - OF_COMPOSE
    assert set(explained()) == (known | OF_COMPOSE) - derived


def test_every_setting_stands_in_the_example_once_below_its_explanation_and_switched_off() -> None:
    lines = (DEPLOY / ".env.example").read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if re.match(r"#[A-Z_]+=", line)]) == len(explained())
    for above, line in pairwise(lines):
        assert not line or line.startswith("#"), f"{line} would be set by whoever copies the file"
        if re.match(r"#[A-Z_]+=", line):
            assert above.startswith("#"), f"{line} is not explained"


def test_the_defaults_in_the_example_are_those_of_the_settings() -> None:
    """Where `bedside up` and a process of its own differ, what `bedside up` does is shown."""
    shown = explained()
    fields: dict[str, FieldInfo] = {}
    for settings in reversed(SETTINGS):
        fields |= settings.model_fields
    for field, info in fields.items():
        default, text = info.default, shown[variable(field)]
        if isinstance(default, bool):
            assert text == str(default).lower(), field
        elif isinstance(default, int | float):
            assert float(text) == default, field
        elif isinstance(default, tuple):
            assert text == ",".join(default), field
        elif isinstance(default, str):
            assert text == str(default), field
        else:  # none, a secret, a folder of this machine
            assert text == "", field


# --- compose --------------------------------------------------------------------------------------


def test_every_service_is_hardened_restarted_limited_watched_and_turns_its_log_over() -> None:
    assert set(services()) == set(PORTS)
    for name, service in services().items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert int(service["user"].split(":")[0]) > 0, name
        assert service["restart"] == "unless-stopped", name
        assert service["healthcheck"]["test"], name
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}, name
        assert service["logging"]["options"]["max-size"], name
        assert "privileged" not in service and "cap_add" not in service, name


def test_only_the_gateway_can_be_reached_and_by_default_only_from_this_machine() -> None:
    assert {name for name, service in services().items() if "ports" in service} == {"gateway"}
    assert services()["gateway"]["ports"] == ["${GATEWAY_AT:-127.0.0.1:8080}:8080"]
    assert compose()["networks"]["inside"] == {"internal": True}
    for name in ("actions", "dialogue", "store"):
        assert services()[name]["networks"] == ["inside"], name


def test_whoever_needs_the_store_waits_for_it_and_the_gateway_waits_for_nothing_else() -> None:
    """Red flags are answered without dialogue and actions, so their illness must not keep the door shut."""
    conditions = {name: part["condition"] for name, part in services()["gateway"]["depends_on"].items()}
    assert conditions.pop("store") == "service_healthy"
    assert set(conditions.values()) == {"service_started"}
    assert services()["dialogue"]["depends_on"] == {"store": {"condition": "service_healthy"}}


def test_each_process_gets_the_secrets_it_needs_and_no_others() -> None:
    needs = {
        "gateway": {"bedside_internal_token", "bedside_data_key", "bedside_redis_url"},
        "actions": {"bedside_internal_token"},
        "dialogue": {"bedside_internal_token", "bedside_redis_url"},
        "store": {"bedside_store_password"},
    }
    assert {name: set(service["secrets"]) for name, service in services().items()} == needs
    for name, secret in compose()["secrets"].items():
        assert secret == {"file": f"./secrets/{name}"}


def test_no_secret_stands_in_a_variable() -> None:
    for name, service in services().items():
        for key in service["environment"]:
            assert not IN_FILES.search(key) or key == SECRETS_DIR_VARIABLE, f"{key} of {name}"


def test_the_variables_of_compose_are_settings_and_the_gateway_accepts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {variable(field) for settings in SETTINGS for field in settings.model_fields} | OF_COMPOSE
    for service in services().values():
        assert {name for name in service["environment"] if name.startswith("BEDSIDE_")} <= known
    subprocess.run(["sh", str(DEPLOY / "make_secrets.sh"), str(tmp_path)], check=True, capture_output=True)
    for name, value in services()["gateway"]["environment"].items():
        monkeypatch.setenv(name, re.sub(r"\$\{\w+:-(\w*)\}", r"\1", value).replace("/app/", f"{REPOSITORY}/"))
    monkeypatch.setenv(SECRETS_DIR_VARIABLE, str(tmp_path))
    settings = load_settings(GatewaySettings)
    assert (settings.host, settings.port, settings.trust_proxy) == ("0.0.0.0", PORTS["gateway"], True)
    assert settings.dialogue_url == f"http://dialogue:{PORTS['dialogue']}"
    assert settings.actions_url == f"http://actions:{PORTS['actions']}"
    assert f"@store:{PORTS['store']}/" in settings.redis_url


def test_the_stores_data_outlives_its_container() -> None:
    mounted = {volume["target"]: volume for volume in services()["store"]["volumes"]}
    assert mounted["/data"] == {"type": "volume", "source": "store", "target": "/data"}
    config = (DEPLOY / "store" / "valkey.conf").read_text().splitlines()
    assert {"dir /data", "appendonly yes", "maxmemory-policy noeviction"} <= set(config)


ADDED = tuple(sorted(path.name for path in DEPLOY.glob("compose.*.yaml")))


def test_what_is_added_for_telegram_and_the_like_fits_the_compose_file() -> None:
    assert len(ADDED) == 5
    for name in ADDED:
        added = compose(name)
        assert set(added["services"]) <= set(services())
        for service in added["services"].values():
            assert set(service["secrets"]) == set(added["secrets"])
            assert set(service.get("networks", [])) <= set(compose()["networks"])
        for secret, source in added["secrets"].items():
            assert source == {"file": f"./secrets/{secret}"}
            assert secret.upper() in {variable(field) for settings in SETTINGS for field in settings.model_fields}


@pytest.mark.parametrize("added", [(), *((name,) for name in ADDED)])
def test_compose_itself_accepts_the_files(added: tuple[str, ...]) -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("there is no docker with compose here: the files were read, but not by compose itself")
    files = [part for name in ("compose.yaml", *added) for part in ("-f", str(DEPLOY / name))]
    done = subprocess.run([docker, "compose", *files, "config", "--quiet"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# --- images ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", dockerfiles(), ids=lambda path: path.name)
def test_an_image_is_pinned_built_in_stages_checked_and_not_run_by_root(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    bases = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    stages = set(re.findall(r"^FROM \S+ AS (\w+)", text, re.MULTILINE))
    assert len(bases) >= 2
    for base in bases:
        assert base in stages or re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", base), base
    assert re.findall(r"^USER (\S+)", text, re.MULTILINE) == ["10001:10001"]
    assert "HEALTHCHECK" in text
    assert "compileall" in text
    last = text[text.rindex("\nFROM ") :]
    assert "pip install" not in last and "set_up.py" not in last
    assert "PYTHONDONTWRITEBYTECODE" not in text


@pytest.mark.parametrize("path", dockerfiles(), ids=lambda path: path.name)
def test_an_image_copies_only_what_is_there_and_what_the_build_may_see(path: Path) -> None:
    allowed = [line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for line in re.findall(r"^COPY (?!--from)(.+)$", path.read_text(encoding="utf-8"), re.MULTILINE):
        for source in line.split()[:-1]:
            assert (REPOSITORY / source).exists(), source
            assert any(Path(source).is_relative_to(name) or name.startswith(f"{source}/") for name in allowed), source


@pytest.mark.parametrize("path", dockerfiles(), ids=lambda path: path.name)
def test_an_image_holds_no_secret_and_names_no_package_index(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.startswith(("ARG", "ENV")):
            assert not IN_FILES.search(line), line
    assert not re.search(r"https?://|index-url|PIP_INDEX|UV_INDEX", text)


def test_nothing_in_the_images_reports_home() -> None:
    application = (DEPLOY / "images" / "application.Dockerfile").read_text(encoding="utf-8")
    for name, value in QUIET.items():
        assert re.search(rf"\b{name}={value}\b", application), name


def test_the_build_sees_no_secrets_no_data_and_no_environments() -> None:
    lines = (REPOSITORY / ".dockerignore").read_text().splitlines()
    assert lines[1] == "*"
    assert not {"!.bedside", "!.venv", "!.git", "!deploy", "!deploy/secrets", "!."} & set(lines)
    assert {"**/secrets", "**/.env"} <= set(lines)
    kept_out = (DEPLOY / ".gitignore").read_text().splitlines()
    assert {"/secrets/", "/.env", "/backups/"} <= set(kept_out)


# --- Kubernetes -----------------------------------------------------------------------------------


def test_kubernetes_runs_the_same_four_processes() -> None:
    assert set(workloads()) == set(PORTS)
    ports = {
        thing["metadata"]["name"]: thing["spec"]["ports"][0]["port"]
        for thing in objects()
        if thing["kind"] == "Service"
    }
    assert ports == PORTS


@pytest.mark.parametrize("name", sorted(PORTS))
def test_a_pod_is_not_root_is_probed_and_can_change_nothing_of_itself(name: str) -> None:
    pod = workloads()[name]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    # A service named like our prefix would otherwise come in as a setting.
    assert pod["enableServiceLinks"] is False
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert container[probe], probe
        assert container["resources"]["limits"]["memory"]
        image, _, tag = container["image"].partition(":")
        assert tag and tag != "latest", image


def test_the_gateway_is_alive_without_the_others_and_ready_with_the_store() -> None:
    container = workloads()["gateway"]["spec"]["template"]["spec"]["containers"][0]
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_no_workload_and_no_setting_of_kubernetes_holds_a_secret() -> None:
    for name, workload in workloads().items():
        for container in workload["spec"]["template"]["spec"]["containers"]:
            for entry in container.get("env", []):
                assert not IN_FILES.search(entry["name"]) or entry["value"].startswith("/run/secrets/"), name
    for thing in objects():
        if thing["kind"] == "ConfigMap":
            assert not [key for key in thing["data"] if IN_FILES.search(key)]
        if thing["kind"] == "Secret":
            assert all("REPLACE-ME" in value for value in thing["stringData"].values())
    assert "secrets.example.yaml" not in read(KUBERNETES / "kustomization.yaml")[0]["resources"]


def test_kubernetes_gives_each_process_the_secrets_that_compose_gives_it() -> None:
    for name, workload in workloads().items():
        volume = next(v for v in workload["spec"]["template"]["spec"]["volumes"] if v["name"] == "secrets")
        sources = [part["secret"] for part in volume["projected"]["sources"]] if "projected" in volume else []
        given = sources or [volume["secret"]]
        needed = {item["key"] for secret in given if not secret.get("optional") for item in secret["items"]}
        assert needed == set(services()[name]["secrets"]), name


def test_nothing_talks_to_anything_that_no_policy_names() -> None:
    policies = {thing["metadata"]["name"]: thing["spec"] for thing in objects() if thing["kind"] == "NetworkPolicy"}
    nothing_else = policies["nothing-else"]
    assert nothing_else == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert set(PORTS) <= set(policies)
    assert "egress" not in policies["store"] and "egress" not in policies["actions"]
    for name, port in PORTS.items():
        allowed = [entry["port"] for rule in policies[name]["ingress"] for entry in rule["ports"]]
        assert allowed == [port], name


def test_the_settings_of_kubernetes_are_settings() -> None:
    known = {variable(field) for settings in SETTINGS for field in settings.model_fields} | OF_COMPOSE
    named = {
        entry["name"]
        for workload in workloads().values()
        for container in workload["spec"]["template"]["spec"]["containers"]
        for entry in container.get("env", [])
    }
    named |= {key for thing in objects() if thing["kind"] == "ConfigMap" for key in thing["data"]}
    assert {name for name in named if name.startswith("BEDSIDE_")} <= known


def test_the_same_images_and_versions_everywhere() -> None:
    in_compose = {service["image"] for service in services().values()}
    in_kubernetes = {
        container["image"]
        for workload in workloads().values()
        for container in workload["spec"]["template"]["spec"]["containers"]
    }
    tags = {f"{image['name']}:{image['newTag']}" for image in read(KUBERNETES / "kustomization.yaml")[0]["images"]}
    assert in_compose == in_kubernetes == tags


def test_kustomize_builds_the_whole() -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("there is no kubectl here: the files were read, but not by kustomize itself")
    done = subprocess.run([kubectl, "kustomize", str(KUBERNETES)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    built = [document for document in yaml.safe_load_all(done.stdout) if document]
    assert all(thing["metadata"].get("namespace") == "bedside" for thing in built if thing["kind"] != "Namespace")
    assert not [thing for thing in built if thing["kind"] == "Secret"]
    store = next(thing for thing in built if thing["kind"] == "StatefulSet")
    volumes = {volume["name"]: volume for volume in store["spec"]["template"]["spec"]["volumes"]}
    config = next(thing for thing in built if "valkey.conf" in thing.get("data", {}))
    assert volumes["config"]["configMap"]["name"] == config["metadata"]["name"]
    assert set(config["data"]) == {path.name for path in (DEPLOY / "store").iterdir()} - {"kustomization.yaml"}


# --- the runbook ----------------------------------------------------------------------------------


def test_the_runbook_names_every_metric() -> None:
    runbook = (DEPLOY / "runbook.md").read_text(encoding="utf-8")
    for metric in Metrics().registry.collect():
        assert metric.name in runbook, metric.name


def test_the_files_that_the_runbook_names_are_there() -> None:
    runbook = (DEPLOY / "runbook.md").read_text(encoding="utf-8")
    made_later = {"deploy/secrets", "deploy/.env", "deploy/backups"}
    for named in set(re.findall(r"\bdeploy/[A-Za-z_./-]*[A-Za-z_]", runbook)):
        if not any(named.startswith(name) and named != "deploy/.env.example" for name in made_later):
            assert (REPOSITORY / named).exists(), named
