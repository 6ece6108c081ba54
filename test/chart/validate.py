"""Reads {"versions": [...], "manifests": [...]} and prints what is wrong with each, as a JSON list of texts."""

import functools
import json
import sys

import kubernetes_validate
from kubernetes_validate import utils

# Without a cache, the same schemas are read for each manifest.
utils.schema_contents = functools.lru_cache(maxsize=None)(utils.schema_contents)

request = json.load(sys.stdin)
problems = []
for version in request["versions"]:
    for manifest in request["manifests"]:
        name = f"{version} {manifest['kind']}/{manifest['metadata']['name']}"
        try:
            used = kubernetes_validate.validate(manifest, version, strict=True)
            if used != version:
                problems.append(f"{name}: validated against {used}")
        except kubernetes_validate.ValidationError as error:
            path = ".".join(str(part) for part in error.absolute_path)
            problems.append(f"{name}: {path}: {error.message}")
        except kubernetes_validate.SchemaNotFoundError as error:
            problems.append(f"{name}: {error.message}")
json.dump(problems, sys.stdout)
