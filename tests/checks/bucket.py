"""A bucket of moto's, a real S3-protocol server on this machine."""

import logging
import pathlib

import boto3
from moto.server import ThreadedMotoServer

import common

NAME = "assay-check"
KEYS = {"AWS_ACCESS_KEY_ID": "check", "AWS_SECRET_ACCESS_KEY": "check", "AWS_REGION": "us-east-1"}


class Bucket:
    def __init__(self):
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self.server.start()
        self.host, self.port = self.server.get_host_and_port()
        self.endpoint = f"http://{self.host}:{self.port}"
        self.client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
            region_name=KEYS["AWS_REGION"],
        )
        self.client.create_bucket(Bucket=NAME)

    def environment(self, endpoint=None, **more):
        return common.environment(AWS_ENDPOINT_URL=endpoint or self.endpoint, **KEYS, **more)

    def objects(self, prefix=""):
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=NAME, Prefix=prefix)
        return {one["Key"]: one["ETag"] for page in pages for one in page.get("Contents", [])}

    def download(self, prefix, folder):
        """Everything below a prefix as files below a folder; returns where the lake is then."""
        for key in self.objects(f"{prefix}/"):
            path = pathlib.Path(folder, key)
            path.parent.mkdir(parents=True, exist_ok=True)
            self.client.download_file(NAME, key, str(path))
        return pathlib.Path(folder, prefix)

    def stop(self):
        self.server.stop()
