"""What other networks than Docker's bridge do: Kubernetes' services, asymmetric paths, hairpins."""

from __future__ import annotations

from bypeer.lab.detour import ITSELF, Copy, Meddling
from bypeer.lab.edit import Edit
from bypeer.lab.remedies import REMEDIES
from bypeer.lab.scenario import Act, Expected, Scenario
from bypeer.lab.topologies import ASYMMETRIC, PAIR, SERVICE
from bypeer.lab.traffic import Traffic

_DATA = 'iifname "p0" tcp sport 80 meta length > 200'
# Slow enough for the disturbance to come in time, on a busy machine too.
_LARGE = Traffic(octets=20_000_000, rate=20_000_000)
_COMPLETED = {"any": [Expected("none", None, "completed")]}

UNTRANSLATED = Scenario(
    name="untranslated-reply",
    code="NF07",
    says="a reply beyond the window reaches the client pod with the backend's own address",
    topology=SERVICE,
    traffic=_LARGE,
    meddling=(
        Meddling(_DATA, (ITSELF, Copy(edit=Edit(seq=50_000_000, ip_id=34_530))), at=5_000_000, times=1),
    ),
    # The client is never told if it had acknowledged all that had come when the backend died: then it hangs.
    expected={"any": [Expected("inside", "NF07", outcome, "certain") for outcome in ("reset", "hung")]},
)
PAST = Scenario(
    name="asymmetric-drop",
    code="NF03",
    says="replies begin to pass beside the host, which drops the acknowledgements of what it never saw",
    topology=ASYMMETRIC,
    traffic=_LARGE._replace(patience=3.0),
    rules={"host": REMEDIES["drop-invalid-forward"].rules},
    acts=(
        Act(5_000_000, "path", "ip", "route add 172.17.0.2/32 via 192.0.2.2"),
        Act(5_000_000, "path", "ip", "route add fd00:17::2/128 via 2001:db8:2::2"),
    ),
    expected={"any": [Expected("host", "NF03", "hung", "likely")]},
)

SCENARIOS = (
    Scenario(
        name="service",
        code="NF07",
        says="a download through a Kubernetes service, undisturbed",
        topology=SERVICE,
        traffic=_LARGE,
        expected=_COMPLETED,
    ),
    UNTRANSLATED,
    UNTRANSLATED._replace(name="untranslated-reply-v6", family=6),
    UNTRANSLATED._replace(
        name="untranslated-late-reply",
        says="late replies reach the client pod with the backend's own address: kube-proxy's case of 2019",
        traffic=Traffic(octets=40_000_000),
        meddling=(Meddling(f"{_DATA} numgen inc mod 60 0", (Copy(after=0.12),), at=1_000_000),),
        expected={
            "<6.1": [Expected("inside", "NF07", "reset")],
            ">=6.1": [Expected("none", None, "completed")],
        },
        elsewhere="the tracker ignores that they are late: they are translated, and nothing is reset",
    ),
    PAST,
    PAST._replace(
        name="asymmetric",
        says="replies begin to pass beside the host, which hands on what it cannot judge",
        rules={},
        # No capture of the host shows what passed beside it, so what the client got is not known.
        expected={"any": [Expected("none", None, "unknown")]},
    ),
    PAST._replace(
        name="asymmetric-from-the-start",
        says="no reply ever passes the host, which drops what it calls INVALID",
        acts=tuple(one._replace(at=0) for one in PAST.acts),
    ),
    Scenario(
        name="hairpin",
        code="NF04",
        says="a container downloads from another one by the port that their host publishes, undisturbed",
        topology=PAIR,
        traffic=_LARGE,
        expected=_COMPLETED,
    ),
)
