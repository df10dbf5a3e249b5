# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped playbook on every ansible-core that the collection promises, over the same hosts of the lab: the same diagnosis."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cores.build import WANTED, core_environments, why_missing
from needs import NAMESPACE
from surroundings import surroundings

REPOSITORY = Path(__file__).resolve().parents[2]
LAB = REPOSITORY / "tests" / "lab" / "lab"
HOSTS = "web01,web02,web03,app04,app06,app14,sql01,sql06,dc01,edge01"
SCRIPT = """
cp $WINRM_DOCTOR_LAB_INVENTORY inventory.yml
ansible-playbook winrm.doctor.diagnose_winrm > linear.out 2>&1; echo $? > linear.code
ansible-playbook free.yml -e troubleshoot_report_path= > free.out 2>&1; echo $? > free.code
ansible-playbook winrm.doctor.diagnose_winrm -e troubleshoot_fail_on=confirmed -e troubleshoot_revocation=yes -e troubleshoot_timeout=15 > fail.out 2>&1
echo $? > fail.code
rm -f $WINRM_DOCTOR_LAB_DIR/attempts.jsonl
ansible-playbook winrm.doctor.diagnose_winrm -l web01,web02,web03 -e ansible_password=wrong -e troubleshoot_report_path= > wrong.out 2>&1; echo $? > wrong.code
cp $WINRM_DOCTOR_LAB_DIR/attempts.jsonl attempts.jsonl
ansible all -m winrm.doctor.controller_info > controller.out 2>&1; echo $? > controller.code
"""

pytestmark = NAMESPACE


@pytest.mark.parametrize("spec", [wanted.spec for wanted in WANTED])
def test_core(spec: str, tmp_path: Path) -> None:
    core = next((core for core in core_environments() if core.spec == spec), None)
    if core is None:
        pytest.skip(why_missing(spec))
    playbook = (REPOSITORY / "playbooks" / "diagnose-winrm.yml").read_text(encoding="utf-8")
    (tmp_path / "free.yml").write_text(playbook.replace("gather_facts: false", "gather_facts: false\n  strategy: free"), encoding="utf-8")
    environment = surroundings(
        PATH=f"{core.bin}:/usr/bin:/bin", HOME=str(tmp_path), COLUMNS="100", ANSIBLE_COLLECTIONS_PATH=str(REPOSITORY / ".cache" / "collections"),
    )
    command = [sys.executable, str(LAB), "--only", HOSTS, "run", "--", "sh", "-c", SCRIPT]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False)
    said = {name: (tmp_path / f"{name}.out").read_text(encoding="utf-8") for name in ("linear", "free", "fail", "wrong", "controller")}
    codes = {name: int((tmp_path / f"{name}.code").read_text()) for name in said}
    assert codes == {"linear": 0, "free": 0, "fail": 2, "wrong": 0, "controller": 0}, "\n".join([done.stderr, *(text[-2000:] for text in said.values())])

    seen = json.loads((tmp_path / "winrm-doctor-report.json").read_text(encoding="utf-8"))["hosts"]
    firsts = {name: (host.get("findings") or [{}])[0].get("rule") for name, host in seen.items()}
    assert firsts == {
        "web01": None, "web02": None, "web03": None, "app04": "no_rule", "app06": "no_such_name", "app14": "scheme_not_offered",
        "sql01": "expired", "sql06": "name_mismatch", "dc01": "offset", "edge01": "other_server",
    }
    assert said["linear"].count("WINRM DOCTOR: 10 hosts, 7 in trouble, 3 with nothing wrong seen") == 1
    assert said["free"].count("WINRM DOCTOR: 10 hosts, 7 in trouble, 3 with nothing wrong seen") == 1
    assert all(seen[name]["logon_works"] for name in ("web01", "web02", "web03"))
    assert len((tmp_path / "attempts.jsonl").read_text(encoding="utf-8").splitlines()) == 1, "one wrong password is used once"
    recap = said["fail"].partition("PLAY RECAP")[2]
    assert [bool(re.search(rf"{name} .*failed=1", recap)) for name in ("app06", "sql01", "sql06", "web01", "app04")] == [True, True, True, False, True]
    password = re.search(r"ansible_password: (\S+)", (tmp_path / "inventory.yml").read_text(encoding="utf-8"))
    assert password is not None
    assert all(password[1] not in text for text in said.values())
