"""The sandbox's SNS, SQS and STS, called by Amazon's own clients: boto3 here, the JavaScript SDK in sandbox_aws.mjs."""
import json
import os
import subprocess
import sys
import threading
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from common import Receiver, SandboxWorld, check, check_equal, harness, wait_until


class Amazon(SandboxWorld):
    """A sandbox with a client for each service."""

    def __enter__(self):
        super().__enter__()
        self.info = self.sandbox.get("aws")
        self.topic = self.info["topics"][0]
        self.queue, self.dead = self.info["queue_url"], self.info["dead_queue_url"]
        return self

    def client(self, service, key=None, secret=None, token=None):
        return boto3.client(service, region_name=self.info["region"], endpoint_url=self.sandbox.url,
                            aws_access_key_id=key or self.info["access_key_id"],
                            aws_secret_access_key=secret or self.info["secret_access_key"], aws_session_token=token,
                            config=Config(retries={"total_max_attempts": 1}))

    def stats(self, part):
        return self.sandbox.get("aws/stats")[part]


def refused(code, call, **parameters):
    try:
        call(**parameters)
    except ClientError as error:
        check_equal(error.response["Error"]["Code"].split(".")[-1], code, f"refusal of {parameters}")
        return
    raise harness.CheckFailed(f"{parameters} was not refused")


def topic_and_queue(arguments):
    with Amazon(arguments) as w:
        sns, sqs = w.client("sns"), w.client("sqs")
        check_equal([t["TopicArn"] for t in sns.list_topics()["Topics"]], [w.topic], "topics")
        arn = sns.subscribe(TopicArn=w.topic, Protocol="sqs", Endpoint=w.info["queue_arn"], ReturnSubscriptionArn=True)["SubscriptionArn"]
        listed = sns.list_subscriptions_by_topic(TopicArn=w.topic)["Subscriptions"]
        check_equal([(s["SubscriptionArn"], s["Protocol"], s["Endpoint"]) for s in listed], [(arn, "sqs", w.info["queue_arn"])], "subscriptions")
        check_equal(sqs.get_queue_url(QueueName="whatsapp-events")["QueueUrl"], w.queue, "the queue's URL")
        text = "Zoë + 1 & <x> \"y\"\n\U0001F600"
        sent = sns.publish(TopicArn=w.topic, Message=text, Subject="S & T")["MessageId"]
        found = sqs.receive_message(QueueUrl=w.queue, MaxNumberOfMessages=10, AttributeNames=["All"])["Messages"]
        body = json.loads(found[0]["Body"])
        check_equal((body["Message"], body["Subject"], body["MessageId"], body["Type"]), (text, "S & T", sent, "Notification"), "what came")
        sqs.change_message_visibility(QueueUrl=w.queue, ReceiptHandle=found[0]["ReceiptHandle"], VisibilityTimeout=0)
        again = sqs.receive_message(QueueUrl=w.queue, AttributeNames=["ApproximateReceiveCount"])["Messages"][0]
        check_equal(again["Attributes"]["ApproximateReceiveCount"], "2", "receptions")
        sqs.delete_message(QueueUrl=w.queue, ReceiptHandle=again["ReceiptHandle"])
        check("Messages" not in sqs.receive_message(QueueUrl=w.queue), "a deleted message came again")
        sns.set_topic_attributes(TopicArn=w.topic, AttributeName="SignatureVersion", AttributeValue="1")
        check_equal(sns.get_topic_attributes(TopicArn=w.topic)["Attributes"]["SignatureVersion"], "1", "signature version")
        sns.unsubscribe(SubscriptionArn=arn)
        check_equal(sns.list_subscriptions_by_topic(TopicArn=w.topic)["Subscriptions"], [], "subscriptions at the end")
        refused("NotFound", sns.publish, TopicArn=w.topic + "x", Message="x")
        refused("InvalidParameter", sns.subscribe, TopicArn=w.topic, Protocol="https", Endpoint="http://x")
        refused("QueueDoesNotExist", sqs.send_message, QueueUrl=w.queue + "x", MessageBody="x")
        refused("InvalidClientTokenId", w.client("sns", key="AKIANOBODY").list_topics)
        refused("SignatureDoesNotMatch", w.client("sns", secret="wrong").list_topics)


def confirmed_by_the_api(arguments):
    with Amazon(arguments) as w:
        sns = w.client("sns")
        came = []
        with Receiver(lambda path: ("", 404), lambda body, _: (came.append(json.loads(body)), ("", 200))[1]) as receiver:
            pending = sns.subscribe(TopicArn=w.topic, Protocol="http", Endpoint=receiver.url)["SubscriptionArn"]
            check_equal(pending, "pending confirmation", "before the confirmation")
            wait_until(lambda: came, 10, "the SubscriptionConfirmation")
            sns.publish(TopicArn=w.topic, Message="too early")
            arn = sns.confirm_subscription(TopicArn=w.topic, Token=came[0]["Token"], AuthenticateOnUnsubscribe="true")["SubscriptionArn"]
            sns.publish(TopicArn=w.topic, Message="now")
            wait_until(lambda: len(came) == 2, 10, "the message")
            check_equal((came[0]["Type"], came[1]["Message"]), ("SubscriptionConfirmation", "now"), "what came")
            refused("InvalidParameter", sns.confirm_subscription, TopicArn=w.topic, Token="x")
            sns.unsubscribe(SubscriptionArn=arn)
            wait_until(lambda: came[-1]["Type"] == "UnsubscribeConfirmation", 10, "the UnsubscribeConfirmation")


def dead_letters_and_batches(arguments):
    with Amazon(arguments) as w:
        sqs = w.client("sqs")
        policy = json.dumps({"deadLetterTargetArn": w.info["dead_queue_arn"], "maxReceiveCount": 2})
        sqs.set_queue_attributes(QueueUrl=w.queue, Attributes={"RedrivePolicy": policy})
        stored = sqs.get_queue_attributes(QueueUrl=w.queue, AttributeNames=["All"])["Attributes"]
        check_equal(json.loads(stored["RedrivePolicy"]), json.loads(policy), "the policy")
        batch = sqs.send_message_batch(QueueUrl=w.queue, Entries=[{"Id": str(i), "MessageBody": f"m{i}"} for i in range(10)])
        check_equal(len(batch["Successful"]), 10, "entries sent")
        for _ in range(2):
            found = sqs.receive_message(QueueUrl=w.queue, MaxNumberOfMessages=10, VisibilityTimeout=0)["Messages"]
            check_equal(len(found), 10, "messages")
        check("Messages" not in sqs.receive_message(QueueUrl=w.queue), "spent messages are still there")
        dead = sqs.receive_message(QueueUrl=w.dead, MaxNumberOfMessages=10)["Messages"]
        check_equal(sorted(m["Body"] for m in dead), [f"m{i}" for i in range(10)], "dead letters")
        gone = sqs.delete_message_batch(QueueUrl=w.dead, Entries=[{"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(dead)])
        check_equal(len(gone["Successful"]), 10, "entries deleted")
        threading.Timer(0.5, lambda: sqs.send_message(QueueUrl=w.queue, MessageBody="late")).start()
        began = time.monotonic()
        found = sqs.receive_message(QueueUrl=w.queue, WaitTimeSeconds=10)["Messages"]
        check(found[0]["Body"] == "late" and time.monotonic() - began < 5, "a long poll ends when a message comes")
        sqs.purge_queue(QueueUrl=w.queue)
        check_equal(w.stats("sqs")["messages"], 0, "messages after the purge")


def temporary_keys(arguments):
    with Amazon(arguments) as w:
        sts = w.client("sts")
        got = sts.assume_role(RoleArn=w.info["role_arn"], RoleSessionName="me", DurationSeconds=900)
        keys = got["Credentials"]
        client = w.client("sqs", keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
        client.send_message(QueueUrl=w.queue, MessageBody="x")
        check_equal(w.stats("sqs")["put"], 1, "messages put with temporary keys")
        who = w.client("sts", keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"]).get_caller_identity()
        check_equal(who["Arn"], got["AssumedRoleUser"]["Arn"], "whose they are")
        refused("UnrecognizedClientException", w.client("sqs", keys["AccessKeyId"], keys["SecretAccessKey"], "x").list_queues)
        web = sts.assume_role_with_web_identity(RoleArn=w.info["role_arn"], RoleSessionName="me", WebIdentityToken=w.info["web_identity_token"])
        check(web["Credentials"]["AccessKeyId"].startswith("ASIA"), "keys for a web identity")
        refused("AccessDenied", sts.assume_role, RoleArn=w.info["role_arn"] + "x", RoleSessionName="me")
        w.sandbox.post("aws/config", {"keys_live_ms": 1000})
        short = sts.assume_role(RoleArn=w.info["role_arn"], RoleSessionName="me")["Credentials"]
        time.sleep(1.2)
        refused("ExpiredTokenException", w.client("sqs", short["AccessKeyId"], short["SecretAccessKey"], short["SessionToken"]).list_queues)


def javascript(arguments):
    with Amazon(arguments) as w:
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sandbox_aws.mjs")
        done = subprocess.run([os.environ["POSTHORN_NODE"], script, w.sandbox.url, os.environ["POSTHORN_NODE_MODULES"]],
                              capture_output=True, text=True, timeout=60)
        print(done.stdout + done.stderr, end="", flush=True)
        check_equal(done.returncode, 0, "exit code")
        check_equal(sum(w.stats("refused_signatures").values()), 0, "signatures refused")


if __name__ == "__main__":
    sys.exit(harness.main(__doc__, [topic_and_queue, confirmed_by_the_api, dead_letters_and_batches, temporary_keys, javascript]))
