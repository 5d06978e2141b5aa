#!/usr/bin/env bash
# A Slurm cluster of one node on this machine, for tests: munge, slurmctld and slurmd on loopback, all files in FOLDER.
#
#   apt-get install slurm-wlm munge          (Debian, Ubuntu; nothing is configured or started outside FOLDER)
#   tests/cluster/start.sh FOLDER            then export SLURM_CONF=FOLDER/slurm.conf
#   tests/cluster/start.sh --stop FOLDER
#
# The test starts and stops it by itself:  MIXUTILS_TEST_CLUSTER=1 python -m pytest tests/test_slurm.py
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin

if [ "${1:-}" = --stop ]; then
    for name in slurmd slurmctld munged; do
        [ -s "$2/$name.pid" ] && kill "$(cat "$2/$name.pid")" 2>/dev/null || true
    done
    exit 0
fi

folder=$(mkdir -p "$1" && cd "$1" && pwd -P)
mkdir -p "$folder/state" "$folder/spool"
chmod 700 "$folder"  # munged wants its key and its socket where nobody else writes
host=$(hostname -s)
port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

head -c 128 /dev/urandom >"$folder/munge.key" && chmod 600 "$folder/munge.key"
munged --force --key-file="$folder/munge.key" --socket="$folder/munge.socket" --pid-file="$folder/munged.pid" \
    --seed-file="$folder/munge.seed" --log-file="$folder/munged.log"

# cred_expire: a requeued job waits for so long. Small arrays, no accounting: what must be lived with on some clusters.
cat >"$folder/slurm.conf" <<EOT
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket,cred_expire=5
SlurmctldPort=$(port)
SlurmdPort=$(port)
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
MaxArraySize=${MIXUTILS_TEST_ARRAY:-6}
SchedulerParameters=batch_sched_delay=1,sched_interval=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
KillWait=5
MinJobAge=30
ReturnToService=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(getconf _NPROCESSORS_ONLN) State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
EOT
export SLURM_CONF="$folder/slurm.conf"
slurmctld
slurmd
for _ in $(seq 60); do
    sinfo --noheader --format=%t 2>/dev/null | grep -q idle && exit 0
    sleep 0.5
done
echo "error: the node did not come up; see $folder/slurmctld.log and $folder/slurmd.log" >&2
exit 1
