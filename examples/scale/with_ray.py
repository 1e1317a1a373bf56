"""The roots of a dataset by a Ray cluster: python with_ray.py DATASET WORK [PART_SIZE]

DATASET and WORK are folders that all nodes see under one path, and `weighmark` is on their PATH. Ray starts a task again when
its worker dies or it fails; that changes nothing.
"""

import json
import subprocess
import sys

import ray


def weighmark(*words):
    done = subprocess.run(["weighmark", "dataset", *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr}")
    return done.stdout


@ray.remote(max_retries=3, retry_exceptions=True)
def task(*words):
    weighmark(*words)


def main(dataset, work, part_size="256MB"):
    plan = json.loads(weighmark("plan", dataset, work, "--part-size", part_size, "--json"))
    numbers = [str(part) for part in range(plan["parts"])]
    ray.init(log_to_driver=False)
    ray.get([task.remote("part", dataset, work, part) for part in numbers])
    ray.get([task.remote("reduce", work, part) for part in numbers])
    ray.shutdown()
    print(weighmark("merge", dataset, work), end="")


if __name__ == "__main__":
    main(*sys.argv[1:])
