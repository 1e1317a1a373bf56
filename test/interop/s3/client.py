"""What another client does: client.py ENDPOINT up FOLDER BUCKET PREFIX [versioned] | down BUCKET PREFIX FOLDER | put FILE BUCKET KEY | empty BUCKET PREFIX COUNT"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import boto3

endpoint, what, *rest = sys.argv[1:]
s3 = boto3.client("s3", endpoint_url=endpoint)


def up(folder, bucket, prefix, versioned=""):
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": os.environ["AWS_REGION"]})
    if versioned:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=bucket, Key=f"{prefix}/")
    s3.put_object(Bucket=bucket, Key=f"{prefix}-other/x", Body=b"not below")
    paths = [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda path: s3.upload_file(path, bucket, f"{prefix}/{os.path.relpath(path, folder)}"), paths))


def down(bucket, prefix, folder):
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/"):
        for found in page["Contents"]:
            to = os.path.join(folder, found["Key"][len(prefix) + 1 :])
            if not to.endswith("/"):
                os.makedirs(os.path.dirname(to), exist_ok=True)
                s3.download_file(bucket, found["Key"], to)


def put(path, bucket, key):
    s3.upload_file(path, bucket, key)


def empty(bucket, prefix, count):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda at: s3.put_object(Bucket=bucket, Key=f"{prefix}/{at}"), range(1, int(count) + 1)))


{"up": up, "down": down, "put": put, "empty": empty}[what](*rest)
