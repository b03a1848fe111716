#!/usr/bin/env python3
"""Makes policies/aws/readonly.txt from the service models of botocore: python3 scripts/aws-readonly.py [WHEEL] > policies/aws/readonly.txt

Without a wheel the one of BOTOCORE below is taken from PyPI. A verb's name is never looked at. An operation counts as read-only
when its model says that it reads:

  - it has the trait `readonly`, or a paginator, or a waiter that polls it;

and when nothing in its model speaks against it:

  - its HTTP method is GET, HEAD or POST (a method alone proves nothing: half of the services use POST for everything);
  - its input has no idempotency token, which only what changes something needs;
  - its output has no member, at any depth, that the model calls sensitive, and nothing that is shaped like a credential:
    what returns a secret is not for everybody who may look;
  - its output and input are no streams: the command line writes the first to a file.

EXCEPT and ALSO are what the models do not say. A row is `SERVICE OPERATION…`, under the names of the `aws` command line.
"""

import gzip
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

BOTOCORE = "1.44.5"

# What the command line calls a service otherwise than botocore.
RENAMED = {"s3": "s3api", "config": "configservice", "codedeploy": "deploy", "opsworkscm": "opsworks-cm"}

# Operations that a paginator or a trait takes for readers, and that are none, or return secrets without a word in the model.
EXCEPT = {
    ("apigateway", "get-api-key"),
    ("apigateway", "get-api-keys"),
    ("apigateway", "get-usage-plan-key"),
    ("apigateway", "get-usage-plan-keys"),
    ("bedrock-agentcore-control", "get-api-key-credential-provider"),
    ("deadline", "start-sessions-statistics-aggregation"),
    ("evs", "get-depot-url"),
    ("glue", "get-connection"),
    ("glue", "get-connections"),
    ("ivs", "batch-start-viewer-session-revocation"),
    ("ivs", "start-viewer-session-revocation"),
    ("lambda", "get-layer-version"),
    ("lambda", "get-layer-version-by-arn"),
    ("networkflowmonitor", "start-query-workload-insights-top-contributors"),
    ("networkflowmonitor", "start-query-workload-insights-top-contributors-data"),
    ("sagemaker", "create-hub-content-presigned-urls"),
    ("signin", "introspect-o-auth2-token-with-iam"),
    ("ssm", "get-command-invocation"),
    ("swf", "poll-for-activity-task"),
    ("swf", "poll-for-decision-task"),
    ("cognito-idp", "get-signing-certificate"),
    ("ec2", "get-console-output"),
    ("ec2", "get-console-screenshot"),
    ("ec2", "get-password-data"),
    ("ec2", "describe-instance-attribute"),
    ("ec2", "describe-launch-template-versions"),
    ("ecr", "get-authorization-token"),
    ("ecs", "describe-task-definition"),
    ("iam", "get-context-keys-for-custom-policy"),
    ("lambda", "get-function"),
    ("lambda", "get-function-configuration"),
    ("lambda", "list-functions"),
    ("logs", "filter-log-events"),
    ("logs", "get-log-events"),
    ("redshift", "get-cluster-credentials"),
    ("secretsmanager", "get-secret-value"),
    ("secretsmanager", "batch-get-secret-value"),
    ("ssm", "get-parameter"),
    ("ssm", "get-parameters"),
    ("ssm", "get-parameters-by-path"),
    ("ssm", "get-parameter-history"),
    ("sqs", "receive-message"),
    ("sts", "get-session-token"),
    ("sts", "get-federation-token"),
}

# Operations of which the models say nothing at all, and the service's own reference that they need no permission and change nothing.
ALSO = {("sts", "get-caller-identity")}

# Names of members that hold a secret whatever the model says of them.
SECRET = re.compile(r"(?i)(password|secretaccesskey|secretkey|secretstring|secretbinary|sessiontoken|accesstoken|refreshtoken"
                    r"|authorizationtoken|clientsecret|privatekey|plaintext|credentials$|^presignedurl|signedurl|presigned|authtoken"
                    r"|^jwt|idtoken$|^environment$|^environmentvariables$|apikeyvalue|connectionstring)")


def kebab(name):
    """The command line's own rule, for names such as `DescribeDBInstances` and `ListHITsForQualificationType`."""
    special = {"CreateCachediSCSIVolume": "create-cached-iscsi-volume", "CreateStorediSCSIVolume": "create-stored-iscsi-volume"}
    if name in special:
        return special[name]
    plural = re.search(r"[A-Z]{2,}s$", name)
    if plural:
        name = name[: -len(plural.group())] + "-" + plural.group().lower()
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1-\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1-\2", name).lower().replace("--", "-")


def wheel():
    if len(sys.argv) > 1:
        return Path(sys.argv[1])
    to = tempfile.mkdtemp()
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", to, f"botocore=={BOTOCORE}"], check=True)
    return next(Path(to).glob("botocore-*.whl"))


def models(archive):
    newest = {}
    for name in archive.namelist():
        found = re.fullmatch(r"botocore/data/([^/]+)/([^/]+)/service-2\.json(\.gz)?", name)
        if found and found[2] >= newest.get(found[1], ("",))[0]:
            newest[found[1]] = (found[2], name.rsplit("/", 1)[0])
    return {service: where for service, (_, where) in newest.items()}


def read(archive, name):
    for name in (name, name + ".gz"):
        if name in archive.NameToInfo:
            raw = archive.read(name)
            return json.loads(gzip.decompress(raw) if name.endswith(".gz") else raw)
    return {}


def any_member(shapes, shape, says, seen=None, name=""):
    """Whether a shape, or anything in it, is as `says` asks."""
    seen = set() if seen is None else seen
    found = shapes[shape["shape"]] if "shape" in shape and shape["shape"] in shapes else shape
    if says(name, shape) or says(name, found):
        return True
    if shape.get("shape") in seen:
        return False
    seen.add(shape.get("shape"))
    inner = list(found.get("members", {}).items())
    inner += [(name, found[key]) for key in ("member", "value") if isinstance(found.get(key), dict)]
    return any(any_member(shapes, member, says, seen, key) for key, member in inner)


def reads(model, name, operation, proven):
    shapes = model["shapes"]
    if not (operation.get("readonly") is True or name in proven):
        return False
    if operation["http"]["method"] not in ("GET", "HEAD", "POST"):
        return False
    given, returned = operation.get("input"), operation.get("output")
    streams = lambda _, shape: bool(shape.get("streaming") or shape.get("eventstream"))
    if given and any_member(shapes, given, lambda name, shape: shape.get("idempotencyToken") or streams(name, shape)):
        return False
    secret = lambda name, shape: bool(shape.get("sensitive")) or bool(SECRET.search(name)) or streams(name, shape)
    return not (returned and any_member(shapes, returned, secret))


def main():
    path = wheel()
    archive = zipfile.ZipFile(path)
    version = path.name.split("-")[1]
    rows, count = [], 0
    for service, where in sorted(models(archive).items()):
        model = read(archive, f"{where}/service-2.json")
        proven = set(read(archive, f"{where}/paginators-1.json").get("pagination", {}))
        proven |= {waiter["operation"] for waiter in read(archive, f"{where}/waiters-2.json").get("waiters", {}).values()}
        shown = RENAMED.get(service, service)
        names = sorted(kebab(name) for name, operation in model["operations"].items() if reads(model, name, operation, proven))
        names = [name for name in names if (shown, name) not in EXCEPT]
        names = sorted({*names, *(name for also, name in ALSO if also == shown)})
        count += len(names)
        if names:
            rows.append(" ".join([shown, *names]))
    print(f"# Operations that only read, and return no secret: made by scripts/aws-readonly.py from botocore {version} (Apache-2.0).")
    print(f"# {count} operations of {len(rows)} services. What is not here is not known to be read-only.")
    print("\n".join(rows))


main()
