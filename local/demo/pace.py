"""How a demo is made to take a minute: the template's bounds shortened, and a carrier whose seconds are short."""

BOUNDS = {
    "TickRate": "rate(5 seconds)",
    "ReconcileRate": "rate(3 seconds)",
    "SlotHorizonSeconds": "10",
    "LockLeaseSeconds": "20",
    "CallTimeoutSeconds": "10",
    "QueueVisibilitySeconds": "12",
    "PostTimeoutSeconds": "3",
    "DialSilenceSeconds": "14",
    "QueueTimeSeconds": "5",
    "SettlePollSeconds": "2",
    "SettleHorizonSeconds": "20",
    "ListMarginSeconds": "120",
    "HoldLimitSeconds": "3600",
}
TIME_SCALE = 0.02  # real seconds per carrier second
MIX = [
    {"weight": 74, "kind": "human"},
    {"weight": 8, "kind": "machine", "ring": 8},
    {"weight": 6, "kind": "busy"},
    {"weight": 8, "kind": "no-answer"},
    {"weight": 4, "kind": "failed"},
]  # the machines ring for less than the campaign's ring time-out, or nobody would meet one
SEED = 2026
