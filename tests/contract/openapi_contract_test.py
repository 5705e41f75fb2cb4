#!/usr/bin/env python3
"""Holds every kind of request body against Meta's own OpenAPI description of the business messaging API.

usage: openapi_contract_test.py REQUEST_BODIES_PROGRAM

The description is not part of Posthorn. It is read from $META_OPENAPI, or from ../shared/reference/meta/*.yaml beside the
repository; without it the test is skipped (exit code 77).
"""
import copy
import glob
import json
import os
import subprocess
import sys
import warnings

warnings.simplefilter("ignore", DeprecationWarning)
SKIPPED = 77

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(f"skipped: {missing}; install python3-yaml and python3-jsonschema")
    sys.exit(SKIPPED)

# Where the description is wrong and Meta's prose, its examples and public clients agree on something else.
# (schema path, what is replaced, reason)
CORRECTIONS = [
    (("TemplateComponent", "properties", "index"), {"type": "string", "pattern": "^[0-9]$"},
     "the pattern ^[2-6, 11-14]$ refuses the description's own example '0': a list of numbers was read as a pattern"),
    (("ButtonComponent", "allOf", 1, "properties", "index"), {"type": "string", "pattern": "^[0-9]$"},
     "as above"),
    (("TemplateComponent", "properties", "type", "enum"),
     ["header", "body", "button", "carousel", "limited_time_offer", "order_status", "tap_target_configuration"],
     "the description knows no carousels, offers, order statuses and tap targets"),
    (("TemplateComponent", "properties", "sub_type", "enum"),
     ["quick_reply", "url", "catalog", "copy_code", "flow", "mpm", "order_details", "voice_call"],
     "the description knows three kinds of buttons only"),
    (("ButtonComponent", "allOf", 1, "properties", "sub_type", "enum"),
     ["quick_reply", "url", "catalog", "copy_code", "flow", "mpm", "order_details", "voice_call"],
     "as above"),
    (("ParameterObject", "properties", "type", "enum"),
     ["currency", "date_time", "document", "image", "text", "video", "gif", "location", "product"],
     "the description knows no location, product and GIF headers"),
    (("ButtonParameterObject", "properties", "type", "enum"),
     ["payload", "text", "coupon_code", "action", "ttl_minutes"],
     "the description knows no parameters of coupon, flow, catalog, product, order and call buttons"),
]
# Bodies whose parameters have no schema in the description at all: checked up to the component.
PARAMETERS_WITHOUT_SCHEMA = {"gif", "location", "product"}


def find_description():
    named = os.environ.get("META_OPENAPI")
    if named:
        return named if os.path.exists(named) else None
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    found = sorted(glob.glob(os.path.join(root, "..", "shared", "reference", "meta", "*.yaml")))
    return found[0] if found else None


def correct(schemas):
    for path, replacement, _reason in CORRECTIONS:
        place = schemas
        for step in path[:-1]:
            place = place[step]
        if path[-1] not in place and not isinstance(place, list):
            sys.exit(f"a correction no longer fits the description: {'.'.join(map(str, path))}")
        place[path[-1]] = replacement


class Contract:
    def __init__(self, description):
        self.description = description
        self.schemas = description["components"]["schemas"]
        resolver = jsonschema.RefResolver("", description)
        self.validators = {name: jsonschema.Draft202012Validator({"$ref": f"#/components/schemas/{name}"}, resolver=resolver)
                           for name in self.schemas}

    def errors(self, schema, value, where):
        return [f"{where}{'/' + '/'.join(map(str, e.absolute_path)) if e.absolute_path else ''}: {e.message[:200]}"
                for e in self.validators[schema].iter_errors(value)]

    def component_errors(self, component, where):
        """The discriminator of TemplateComponent, which JSON Schema does not follow by itself."""
        mapping = self.schemas["TemplateComponent"]["discriminator"]["mapping"]
        target = mapping.get(component.get("type"), "TemplateComponent").rsplit("/", 1)[-1]
        found = self.errors(target, component, where)
        if component.get("type") == "carousel":
            for i, card in enumerate(component["cards"]):
                for j, inner in enumerate(card["components"]):
                    found += self.component_errors(inner, f"{where}/cards/{i}/components/{j}")
        if component.get("type") in ("header", "body"):
            for i, parameter in enumerate(component["parameters"]):
                found += self.parameter_errors(parameter, f"{where}/parameters/{i}")
        return found

    def parameter_errors(self, parameter, where):
        kind = parameter.get("type")
        if kind in PARAMETERS_WITHOUT_SCHEMA:
            return []
        mapping = self.schemas["ParameterObject"]["discriminator"]["mapping"]
        if kind not in mapping:
            return [f"{where}: no such parameter type: {kind}"]
        return self.errors(mapping[kind].rsplit("/", 1)[-1], parameter, where)

    def body_errors(self, body):
        if body.get("status") == "read":
            return self.errors("MarkMessageRequestPayload", body, "")
        mapping = self.schemas["Message"]["discriminator"]["mapping"]
        if body.get("type") not in mapping:
            return [f"no such message type: {body.get('type')}"]
        # Objects that forbid further members forbid the envelope's as well when combined with allOf.
        checked = body
        found = self.errors(mapping[body["type"]].rsplit("/", 1)[-1], checked, "")
        for i, component in enumerate(body.get("template", {}).get("components", [])):
            found += self.component_errors(component, f"/template/components/{i}")
        return found


def open_messages(schemas):
    """The kinds of messages combine the envelope with allOf and additionalProperties: false, so that nothing at all fits."""
    for target in schemas["Message"]["discriminator"]["mapping"].values():
        for part in schemas[target.rsplit("/", 1)[-1]].get("allOf", []):
            part.pop("additionalProperties", None)


def mutations(bodies):
    """Each breaks one rule; all must be refused, so that this check is known to be able to fail."""
    positional = bodies["template/positional"]
    buttons = bodies["template/buttons"]
    image = bodies["template/image"]

    def changed(body, change):
        clone = copy.deepcopy(body)
        change(clone)
        return clone

    def header(b):
        return b["template"]["components"][0]["parameters"][0]

    return {
        "to as an array": changed(positional, lambda b: b.update(to=[b["to"]])),
        "to as a number": changed(positional, lambda b: b.update(to=491701234567)),
        "no to": changed(positional, lambda b: b.pop("to")),
        "no messaging_product": changed(positional, lambda b: b.pop("messaging_product")),
        "unknown message type": changed(positional, lambda b: b.update(type="telegram")),
        "recipient_type": changed(positional, lambda b: b.update(recipient_type="everybody")),
        "no language": changed(positional, lambda b: b["template"].pop("language")),
        "language as text": changed(positional, lambda b: b["template"].update(language="en_US")),
        "no template name": changed(positional, lambda b: b["template"].pop("name")),
        "components as object": changed(positional, lambda b: b["template"].update(components={})),
        "component without type": changed(positional, lambda b: b["template"]["components"][0].pop("type")),
        "unknown component": changed(positional, lambda b: b["template"]["components"][0].update(type="head")),
        "unknown parameter type": changed(positional, lambda b: header(b).update(type="txt")),
        "text as a number": changed(positional, lambda b: header(b).update(text=5)),
        "image as text": changed(image, lambda b: header(b).update(image="https://example.com/a.jpg")),
        "button without index": changed(buttons, lambda b: b["template"]["components"][0].pop("index")),
        "button index as a number": changed(buttons, lambda b: b["template"]["components"][0].update(index=0)),
        "unknown button": changed(buttons, lambda b: b["template"]["components"][0].update(sub_type="slow_reply")),
        "read without message_id": changed(bodies["mark_read"], lambda b: b.pop("message_id")),
        "reaction as text": changed(bodies["content/reaction"], lambda b: b.update(reaction="👍")),
        "list without sections": changed(bodies["content/list"], lambda b: b["interactive"]["action"].update(sections=5)),
        "image message as text": changed(bodies["content/image"], lambda b: b.update(image="a.jpg")),
        "text body as a number": changed(bodies["text"], lambda b: b["text"].update(body=7)),
    }


def main():
    description_file = find_description()
    if description_file is None:
        print("skipped: Meta's OpenAPI description is not here; set META_OPENAPI")
        return SKIPPED
    with open(description_file, encoding="utf-8") as file:
        description = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    correct(description["components"]["schemas"])
    open_messages(description["components"]["schemas"])
    contract = Contract(description)

    printed = subprocess.run([sys.argv[1]], check=True, capture_output=True, text=True, timeout=60).stdout
    bodies = {entry["name"]: entry["body"] for entry in map(json.loads, printed.splitlines())}
    failures = 0
    for name, body in bodies.items():
        for error in contract.body_errors(body):
            failures += 1
            print(f"FAILED {name}: {error}")
    for name, body in mutations(bodies).items():
        if not contract.body_errors(body):
            failures += 1
            print(f"FAILED: the mutation \"{name}\" was not refused")
    print(f"{len(bodies)} request bodies and {len(mutations(bodies))} mutations held against {os.path.basename(description_file)}, {failures} failures")
    return 1 if failures or len(bodies) < 25 else 0


if __name__ == "__main__":
    sys.exit(main())
