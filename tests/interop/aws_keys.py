"""Where keys come from: for each environment and pair of files the product must find what botocore finds, Amazon's own library.
Roles and web identities are given by the sandbox's STS, which checks botocore's signature and ours alike."""
import json
import os
import subprocess
import sys

from common import SandboxWorld, check, check_equal, harness

# What botocore calls the sources.
SAME = {"env": "environment", "assume-role": "role", "assume-role-with-web-identity": "web identity",
        "shared-credentials-file": "shared credentials file", "custom-process": "credential_process", "config-file": "config file",
        None: ""}

# Amazon's library in a process of its own, with nothing of ours in it.
BOTOCORE = """
import json, botocore.session
try:
    keys = botocore.session.get_session().get_credentials()
    frozen = keys.get_frozen_credentials() if keys else None
    print(json.dumps({"method": keys.method if keys else None, "key": frozen.access_key if keys else ""}))
except Exception as error:
    print(json.dumps({"error": f"{type(error).__name__}: {error}"}))
"""

PROGRAM = "credential_process = /bin/echo '{\"Version\":1,\"AccessKeyId\":\"PRG\",\"SecretAccessKey\":\"s\"}'\n"


class Place(SandboxWorld):
    def __enter__(self):
        super().__enter__()
        self.info = self.sandbox.get("aws")
        self.token = os.path.join(self.folder.name, "token")
        with open(self.token, "w", encoding="ascii") as out:
            out.write(self.info["web_identity_token"])
        return self

    def environment(self, credentials, config, variables):
        paths = {}
        for name, text in (("credentials", credentials), ("config", config)):
            paths[name] = os.path.join(self.folder.name, name)
            with open(paths[name], "w", encoding="utf-8") as out:
                out.write(text)
        return {"PATH": os.environ["PATH"], "HOME": self.folder.name, "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_SHARED_CREDENTIALS_FILE": paths["credentials"], "AWS_CONFIG_FILE": paths["config"],
                "AWS_REGION": self.info["region"], "AWS_DEFAULT_REGION": self.info["region"],
                "AWS_ENDPOINT_URL_STS": self.sandbox.url, **variables}

    def both(self, arguments, *case):
        environment = self.environment(*case)
        theirs = subprocess.run([sys.executable, "-c", BOTOCORE], env=environment, capture_output=True, text=True, timeout=60)
        ours = subprocess.run([arguments.driver, "keys", self.info["region"], self.sandbox.url], env=environment,
                              capture_output=True, text=True, timeout=60)
        check(theirs.stdout and ours.stdout, f"{case}: {theirs.stderr[-500:]} {ours.stderr[-500:]}")
        return json.loads(theirs.stdout), json.loads(ours.stdout)


def cases(place):
    role = f"role_arn = {place.info['role_arn']}\n"
    base = f"aws_access_key_id = {place.info['access_key_id']}\naws_secret_access_key = {place.info['secret_access_key']}\n"
    keys = "aws_access_key_id = {}\naws_secret_access_key = s\n".format
    env = {"AWS_ACCESS_KEY_ID": "ENV", "AWS_SECRET_ACCESS_KEY": "s"}
    real = {"AWS_ACCESS_KEY_ID": place.info["access_key_id"], "AWS_SECRET_ACCESS_KEY": place.info["secret_access_key"]}
    web = {"AWS_WEB_IDENTITY_TOKEN_FILE": place.token, "AWS_ROLE_ARN": place.info["role_arn"]}
    p = {"AWS_PROFILE": "p"}
    return [
        ("nothing", "", "", {}),
        ("the environment", "[default]\n" + keys("FILE"), "", env),
        ("the environment and a profile of the environment", "[p]\n" + keys("FILE"), "", {**env, **p}),
        ("the credentials file", "[default]\n" + keys("FILE"), "[default]\n" + keys("CFG"), {}),
        ("the config file", "", "[profile p]\n" + keys("CFG"), p),
        ("a program", "", "[profile p]\n" + PROGRAM, p),
        ("the credentials file and a program", "[p]\n" + keys("FILE"), "[profile p]\n" + PROGRAM, p),
        ("a program and the config file", "", "[profile p]\n" + PROGRAM + keys("CFG"), p),
        ("web identity", "[default]\n" + keys("FILE"), "", web),
        ("the environment and web identity", "", "", {**env, **web}),
        ("web identity of a profile", "", "[profile p]\n" + role + f"web_identity_token_file = {place.token}\n", p),
        ("a role", "[base]\n" + base, "[profile p]\nsource_profile = base\n" + role, p),
        ("a role and keys in its own profile", "[base]\n" + base + "[p]\n" + keys("FILE"), "[profile p]\nsource_profile = base\n" + role, p),
        ("a role and web identity", "[base]\n" + base, "[profile p]\nsource_profile = base\n" + role, {**p, **web}),
        ("a role with its own keys", "[p]\n" + base, "[profile p]\nsource_profile = p\n" + role, p),
        ("a role by the environment", "", "[default]\ncredential_source = Environment\n" + role, real),
        ("a role by the environment in a profile", "", "[profile p]\ncredential_source = Environment\n" + role, {**p, "X": "y"}),
        ("a role by a program", "", "[profile q]\ncredential_process = " + PROGRAM.split("= ", 1)[1] +
         "[profile p]\nsource_profile = q\n" + role, p),
        ("a role that leads back", "", "[profile q]\nsource_profile = p\n" + role + "[profile p]\nsource_profile = q\n" + role, p),
        ("a role without a source", "", "[profile p]\n" + role, p),
        ("a role of a role without keys", "", "[profile p]\nsource_profile = nobody\n" + role, p),
        ("a profile that is not there", "[default]\n" + keys("FILE"), "", p),
        ("half a key", "[default]\naws_access_key_id = A\n", "", {}),
        ("a name in quotes", "", "[profile \"a b\"]\n" + keys("Q"), {"AWS_PROFILE": "a b"}),
    ]


def as_botocore(arguments):
    with Place(arguments) as place:
        for name, *case in cases(place):
            theirs, ours = place.both(arguments, *case)
            if "error" in theirs or not theirs["method"]:
                check("error" in ours, f"{name}: botocore {theirs}, ours {ours}")
                continue
            check("error" not in ours, f"{name}: botocore {theirs}, ours {ours}")
            check_equal(ours["source"], SAME[theirs["method"]], f"{name}: the source; ours {ours}")
            if theirs["key"].startswith("ASIA"):  # of STS: new ones for each
                check(ours["access_key_id"].startswith("ASIA") and ours["session_token"], f"{name}: {ours}")
            else:
                check_equal(ours["access_key_id"], theirs["key"], f"{name}: the key")
        stats = place.sandbox.get("aws/stats")
        check(stats["sts"]["roles"] >= 8 and stats["sts"]["web_identities"] >= 4, f"STS was asked: {stats['sts']}")


def external_id_and_mfa(arguments):
    with Place(arguments) as place:
        place.sandbox.post("aws/config", {"external_id": "the id"})
        base = f"[base]\naws_access_key_id = {place.info['access_key_id']}\naws_secret_access_key = {place.info['secret_access_key']}\n"
        role = f"[profile p]\nsource_profile = base\nrole_arn = {place.info['role_arn']}\n"
        for more, good in (("external_id = the id\n", True), ("external_id = another\n", False), ("", False)):
            theirs, ours = place.both(arguments, base, role + more, {"AWS_PROFILE": "p"})
            check_equal(("error" not in theirs, "error" not in ours), (good, good), f"{more!r}: {theirs}, {ours}")
            check(good or "403 AccessDenied" in ours["error"], f"the reason is told: {ours}")
        _, ours = place.both(arguments, base, role + "mfa_serial = arn:aws:iam::1:mfa/x\n", {"AWS_PROFILE": "p"})
        check("mfa_serial" in ours["error"], f"MFA: {ours}")


if __name__ == "__main__":
    sys.exit(harness.main(__doc__, [as_botocore, external_id_and_mfa],
                          lambda parser: parser.add_argument("--driver", required=True)))
