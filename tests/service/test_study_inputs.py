"""What a study writes for its workers is what it resolved."""

from __future__ import annotations

from pathlib import Path

from twin.run import RunRequest, resolve
from twin.spec.load import load_study
from twin.spec.resolved import spec_hash
from twin.study_inputs import scenario_request


def test_members_read_back_equal_and_share_their_facility(tmp_path: Path) -> None:
    file = tmp_path / "two.yaml"
    file.write_text("name: two\nkind: list\nmembers: [window, cdu-pump-trip]\n")
    study = load_study(file)
    tmp_path = tmp_path / "inputs"
    tmp_path.mkdir()
    requests = {m.name: scenario_request(m, tmp_path) for m in study.members}
    assert len(requests) == len(study.members) == 2
    for member in study.members[1:]:
        found = resolve(RunRequest(**requests[member.name]))
        assert spec_hash(found) == spec_hash(member)
        assert (found.faults, found.clock, found.seed) == (member.faults, member.clock, member.seed)
    facilities = {m.facility.model_dump_json() for m in study.members}
    assert len(list(tmp_path.glob("facility-*.yaml"))) == len(facilities)
    assert len(list(tmp_path.iterdir())) == len(facilities) + len(requests)
