"""Two PostgreSQL guards elect a leader through Patroni's own etcd3 store; prints what they saw.

Usage: patroni-store.py HOST:PORT[,HOST:PORT...]

Patroni speaks the JSON gateway: ranges, transactions, leases, and a watch that streams.
"""

import json
import logging
import sys
import time

from patroni.dcs import get_dcs

SETTLE_SECONDS = 20


def guard(name, hosts):
    return get_dcs(
        {
            "scope": "demo",
            "name": name,
            "namespace": "/service/",
            "ttl": 30,
            "loop_wait": 1,
            "retry_timeout": 5,
            "etcd3": {"hosts": hosts.split(",")},
        }
    )


def settled(store, condition):
    """The cluster as `store` sees it, once its watch has brought what `condition` asks for."""
    end = time.time() + SETTLE_SECONDS
    while time.time() < end:
        cluster = store.get_cluster(True)
        if condition(cluster):
            return cluster
        time.sleep(0.05)
    raise TimeoutError("the store never saw it")


def leads(name):
    return lambda cluster: cluster.leader is not None and cluster.leader.name == name


def main():
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)
    one, two = (guard(name, sys.argv[1]) for name in ("one", "two"))
    seen = {"initialized": [one.initialize(True, "42"), two.initialize(True, "43")]}
    one.get_cluster(True)
    seen["config"] = one.set_config_value('{"ttl":30}')
    seen["members"] = [
        one.touch_member({"role": "master", "conn_url": "postgres://one"}),
        two.touch_member({"role": "replica", "conn_url": "postgres://two"}),
    ]
    seen["leader"] = [bool(each.attempt_to_acquire_leader()) for each in (one, two)]
    cluster = settled(two, leads("one"))
    seen["second sees"] = {
        "initialize": cluster.initialize,
        "config": cluster.config.data,
        "members": sorted([member.name, member.data["role"]] for member in cluster.members),
        "leader": cluster.leader.name,
    }
    seen["updated"] = one.update_leader(12345)
    cluster = settled(two, lambda each: each.last_lsn == 12345)
    seen["position"] = cluster.last_lsn
    seen["stale config refused"] = one.set_config_value('{"ttl":20}', index=1)
    index = settled(one, leads("one")).config.index
    seen["config by its index"] = one.set_config_value('{"ttl":20}', index=index)
    settled(one, leads("one"))
    seen["resigned"] = one.delete_leader()
    settled(two, lambda each: each.leader is None)
    seen["taken over"] = two.attempt_to_acquire_leader()
    seen["now"] = settled(one, leads("two")).leader.name
    seen["deleted"] = two.delete_cluster()
    seen["left"] = len(settled(one, lambda each: not each.members).members)
    print(json.dumps(seen))


main()
