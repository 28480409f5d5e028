"""Rules and dashboard ask for figures that exist, in expressions that Prometheus understands."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.grafana.dashboard import text
from node.metrics import NodeMetrics
from tests.rooms.installation.processes import ROOT
from tests.rooms.people.people import application

RULES = ROOT / "deploy" / "prometheus" / "rules.yml"
SCRAPED = ROOT / "deploy" / "prometheus" / "prometheus.yml"
NAME = re.compile(r"\b((?:inspection|process)[_:][a-z0-9_:]+)\b")


def needed(name: str) -> None:
    """Skips without it; in CI that is a failure."""
    if shutil.which(name) is None:
        if os.environ.get("CI"):
            pytest.fail(f"CI needs {name}")
        pytest.skip(
            f"{name} is not installed; .ci/run installs prometheus and prometheus-alertmanager"
        )


def promtool(*words: str | Path) -> str:
    """What promtool says about something that is right."""
    needed("promtool")
    done = subprocess.run(
        ["promtool", *map(str, words)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def labels(registry: Any) -> dict[str, set[str]]:
    """Every series that can be asked for, with its labels."""
    found = {
        sample.name: set(sample.labels)
        for family in registry.collect()
        for sample in family.samples
    }
    for collector in registry._collector_to_names:
        names = registry._collector_to_names[collector]
        for name in names:
            found[name] = {*getattr(collector, "_labelnames", ()), "le", "version", "node"}
    return found


@pytest.fixture
def exported(tmp_path: Path) -> dict[str, set[str]]:
    """What node and web give."""
    figures = application(tmp_path).extensions["figures"]
    return {**labels(figures.registry), **labels(NodeMetrics("1", "node-01").registry)}


def expressions() -> Iterator[tuple[str, str]]:
    yield from re.findall(r"- (?:alert|record): (\S+)\n\s+expr: (.+)", RULES.read_text())
    for panel in json.loads(text())["panels"]:
        for target in panel["targets"]:
            yield (
                panel["title"],
                target["expr"]
                .replace("$__rate_interval", "1m")
                .replace("$instance", ".*")
                .replace("$station", ".*"),
            )


def test_the_rules_and_the_scrape_configuration_are_valid() -> None:
    assert "SUCCESS" in promtool("check", "rules", RULES)
    promtool("check", "config", "--syntax-only", SCRAPED)


def test_a_scraper_sends_the_token_of_its_targets_unit_and_the_page_says_how_it_gets_it() -> None:
    jobs = dict(
        re.findall(r"^  - job_name: (\S+)\n(.*?)(?=^  - |\Z)", SCRAPED.read_text(), re.M | re.S)
    )
    page = (ROOT / "docs" / "monitoring.md").read_text()
    copied = {
        to: credential
        for credential, to in re.findall(r"credentials/(\w+) (/etc/prometheus/\S+)$", page, re.M)
    }
    for job, scrape in jobs.items():
        sent = re.findall(r"^ +authorization:\n +credentials_file: (\S+)$", scrape, re.M)
        unit = (ROOT / "deploy" / "install" / f"{job}.service").read_text()
        given = re.findall(r"^LoadCredential=(\w*metrics_token):", unit, re.M)
        assert [copied[file] for file in sent] == given, job
        assert given
    assert set(jobs) == {"inspection-node", "inspection-web"}


def test_every_figure_that_is_asked_for_is_exported_with_the_labels_that_are_asked_for(
    exported: dict[str, set[str]],
) -> None:
    recorded = set(re.findall(r"- record: (\S+)", RULES.read_text()))
    asked = {name for _, query in expressions() for name in NAME.findall(query)}
    assert asked - recorded - set(exported) == set()
    target = {"job", "instance"}
    for title, query in expressions():
        for name, matchers in re.findall(r"\b(inspection_[a-z0-9_]+){([^}]*)}", query):
            wanted = set(re.findall(r"([a-z_]+)\s*(?:=|!)", matchers))
            assert wanted <= exported[name] | target, (title, name)
        for group in re.findall(r"by \(([^)]*)\)", query):
            known = target.union(*(exported.get(name, {"station"}) for name in NAME.findall(query)))
            assert set(group.replace(" ", "").split(",")) <= known, (title, group)


def test_every_expression_of_the_dashboard_is_one(tmp_path: Path) -> None:
    rules = [
        f"  - record: panel:{n}\n    expr: {json.dumps(query)}"
        for n, (_, query) in enumerate(expressions())
    ]
    file = tmp_path / "rules.yml"
    file.write_text("groups:\n- name: panels\n  rules:\n" + "\n".join(rules))
    assert f"{len(rules)} rules found" in promtool("check", "rules", file)


def test_every_alert_says_what_is_wrong_and_what_to_do_and_how_bad_it_is() -> None:
    for block in re.findall(r"- alert: .*?(?=\n      - |\n\n|\Z)", RULES.read_text(), re.S):
        assert re.search(r"severity: (critical|warning|info)", block), block
        assert "summary:" in block, block
        assert "action:" in block, block


def test_alertmanager_takes_its_configuration() -> None:
    needed("amtool")
    file = ROOT / "deploy" / "prometheus" / "alertmanager.yml"
    done = subprocess.run(
        ["amtool", "check-config", str(file)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
