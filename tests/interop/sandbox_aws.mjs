// sandbox_aws.mjs SANDBOX MODULES: Amazon's JavaScript SDK against the sandbox's SNS, SQS and STS.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'

const [endpoint, modules] = process.argv.slice(2)
const require = createRequire(path.join(modules, 'x.js'))
const { SNSClient, ListTopicsCommand, PublishCommand, SubscribeCommand, UnsubscribeCommand } = require('@aws-sdk/client-sns')
const sqsSdk = require('@aws-sdk/client-sqs')

const info = await (await fetch(`${endpoint}/sandbox/aws`)).json()
const options = { endpoint, region: info.region, maxAttempts: 1,
  credentials: { accessKeyId: info.access_key_id, secretAccessKey: info.secret_access_key } }
const [sns, sqs] = [new SNSClient(options), new sqsSdk.SQSClient(options)]
const QueueUrl = info.queue_url
const queue = (name, input = {}) => sqs.send(new sqsSdk[`${name}Command`]({ QueueUrl, ...input }))

const { Topics } = await sns.send(new ListTopicsCommand({}))
assert.deepEqual(Topics.map((t) => t.TopicArn), info.topics)
const { SubscriptionArn } = await sns.send(new SubscribeCommand({ TopicArn: info.topics[0], Protocol: 'sqs', Endpoint: info.queue_arn,
  Attributes: { RawMessageDelivery: 'true' } }))
const Message = 'Zoë + 1 & <x>\n😀'
await sns.send(new PublishCommand({ TopicArn: info.topics[0], Message }))
await queue('SendMessage', { MessageBody: Message })  // the client checks MD5OfMessageBody
const { Messages } = await queue('ReceiveMessage', { MaxNumberOfMessages: 10 })  // and MD5OfBody
assert.deepEqual(Messages.map((m) => m.Body), [Message, Message])
await queue('DeleteMessage', { ReceiptHandle: Messages[0].ReceiptHandle })
await queue('SetQueueAttributes', { Attributes: {
  RedrivePolicy: JSON.stringify({ deadLetterTargetArn: info.dead_queue_arn, maxReceiveCount: 1 }) } })
await queue('ChangeMessageVisibility', { ReceiptHandle: Messages[1].ReceiptHandle, VisibilityTimeout: 0 })
assert.equal((await queue('ReceiveMessage')).Messages, undefined)
const dead = await queue('ReceiveMessage', { QueueUrl: info.dead_queue_url })
assert.equal(dead.Messages[0].MessageId, Messages[1].MessageId)
const { Attributes } = await queue('GetQueueAttributes', { AttributeNames: ['All'] })
assert.equal(Attributes.ApproximateNumberOfMessages, '0')
await sns.send(new UnsubscribeCommand({ SubscriptionArn }))
await assert.rejects(queue('SendMessage', { QueueUrl: QueueUrl + 'x', MessageBody: 'x' }), { name: 'QueueDoesNotExist' })
await assert.rejects(sns.send(new PublishCommand({ TopicArn: info.topics[0] + 'x', Message })), { name: 'NotFoundException' })

// Keys by this SDK's own chain: a profile with a role, from the sandbox's STS.
const { fromIni } = require('@aws-sdk/credential-provider-ini')
const folder = mkdtempSync(path.join(tmpdir(), 'posthorn-'))
try {
  writeFileSync(path.join(folder, 'credentials'),
    `[base]\naws_access_key_id = ${info.access_key_id}\naws_secret_access_key = ${info.secret_access_key}\n`)
  writeFileSync(path.join(folder, 'config'), `[profile p]\nrole_arn = ${info.role_arn}\nsource_profile = base\n`)
  const credentials = await fromIni({ profile: 'p', filepath: path.join(folder, 'credentials'),
    configFilepath: path.join(folder, 'config'), clientConfig: { endpoint, region: info.region } })()
  assert.match(credentials.accessKeyId, /^ASIA/)
  await new sqsSdk.SQSClient({ ...options, credentials }).send(new sqsSdk.ListQueuesCommand({}))
} finally {
  rmSync(folder, { recursive: true })
}
