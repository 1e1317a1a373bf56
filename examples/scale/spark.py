"""The roots of a dataset by a Spark cluster: spark-submit spark.py DATASET WORK [PART_SIZE]

DATASET and WORK are folders that the driver and all executors see under one path, and `weighmark` is on their PATH. Spark
repeats what fails and may run a task twice (speculation); neither changes anything.
"""

import json
import subprocess
import sys

from pyspark.sql import SparkSession


def weighmark(*words):
    done = subprocess.run(["weighmark", "dataset", *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr}")
    return done.stdout


def main(dataset, work, part_size="256MB"):
    plan = json.loads(weighmark("plan", dataset, work, "--part-size", part_size, "--json"))
    numbers = [str(part) for part in range(plan["parts"])]
    spark = SparkSession.builder.appName("weighmark").getOrCreate()
    try:
        tasks = spark.sparkContext.parallelize(numbers, len(numbers))
        tasks.foreach(lambda part: weighmark("part", dataset, work, part))
        tasks.foreach(lambda part: weighmark("reduce", work, part))
    finally:
        spark.stop()
    print(weighmark("merge", dataset, work), end="")


if __name__ == "__main__":
    main(*sys.argv[1:])
