// aws_clients.mjs CASE DRIVER MODULES: one case of aws_clients.py.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import https from 'node:https'
import { createRequire } from 'node:module'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pathToFileURL } from 'node:url'

const [wanted, driver, modules] = process.argv.slice(2)
const require = createRequire(path.join(modules, 'x.js'))

const run = (argv, input = '') => new Promise((resolve, reject) => {
  const child = execFile(driver, argv, { maxBuffer: 1 << 26, timeout: 30000 },
    (error, out, said) => error ? reject(new Error(`${argv}: ${error.message}\n${said}`)) : resolve(JSON.parse(out)))
  child.stdin.end(input)
})

async function signatures() {
  const aws4 = require('aws4')
  const json = { 'Content-Type': 'application/x-amz-json-1.0' }
  const requests = []
  for (const service of ['sqs', 'sns', 'social-messaging', 's3', 'sts']) {
    for (const target of ['/', '/a/b', '/a%20b/%C3%BC%3A', '/x?b=2&a=1', '/x?a=%2F%20%2B&list-type=2', '/x?uploads=', '/~-_.']) {
      for (const token of ['', 'to/ken+=']) {
        requests.push({ service, target, token, region: 'eu-central-1', host: `${service}.eu-central-1.amazonaws.com`,
          time: '2026-01-02T03:04:05Z', method: 'POST', body: 'Zoë {}', headers: { ...json, 'X-Amz-Target': 'A  b' } })
      }
    }
  }
  const ours = await run(['sign'], JSON.stringify(requests))
  requests.forEach((request, i) => {
    // Content-Length, which clients set by themselves, is not ours to sign.
    const signer = new aws4.RequestSigner({ service: request.service, region: request.region, method: request.method,
      path: request.target, body: request.body, extraHeadersToIgnore: { 'content-length': true },
      headers: { ...request.headers, Host: request.host, 'X-Amz-Date': '20260102T030405Z' } },
      { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalr/+secret', sessionToken: request.token || undefined })
    const theirs = signer.sign().headers.Authorization
    assert.equal(ours[i], theirs, `${JSON.stringify(request)}\n${signer.canonicalString()}`)
  })
}

async function notifications() {
  const Validator = require('sns-validator')
  const { certificate, messages } = await run(['sns'])
  https.get = (_, done) => {  // the validator's fetch of the certificate
    const answer = Readable.from([certificate])
    answer.statusCode = 200
    done(answer)
    return { on() {} }
  }
  const judge = (message) => new Promise((resolve) => new Validator().validate(message, (error) => resolve(error?.message ?? 'good')))
  assert.equal(messages.length, 4)
  for (const message of messages) {
    assert.equal(await judge(message), 'good', message)
    const changed = JSON.parse(message)
    changed.Message += '!'
    assert.notEqual(await judge(JSON.stringify(changed)), 'good')
  }
}

async function queue() {
  const { buildApp } = await import(pathToFileURL(path.join(modules, 'node_modules/fauxqs/dist/app.js')).href)
  const { SQSClient, CreateQueueCommand, SendMessageBatchCommand, GetQueueAttributesCommand } = require('@aws-sdk/client-sqs')
  const { SNSClient, CreateTopicCommand, SubscribeCommand, PublishCommand } = require('@aws-sdk/client-sns')
  const app = buildApp({ logger: false })
  await app.listen({ host: '127.0.0.1', port: 0 })
  try {
    const endpoint = `http://127.0.0.1:${app.server.address().port}`
    const options = { endpoint, region: 'us-east-1', credentials: { accessKeyId: 'a', secretAccessKey: 'b' } }
    const [sqs, sns] = [new SQSClient(options), new SNSClient(options)]
    const { QueueUrl: url } = await sqs.send(new CreateQueueCommand({ QueueName: 'whatsapp' }))
    const raw = [...Array(20).keys()].map((i) => JSON.stringify({ whatsAppWebhookEntry: JSON.stringify({ id: `ü${i}` }) }))
    for (const part of [raw.slice(0, 10), raw.slice(10)]) {
      await sqs.send(new SendMessageBatchCommand({ QueueUrl: url, Entries: part.map((body, i) => ({ Id: `${i}`, MessageBody: body })) }))
    }
    const topic = async (name) => {
      const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: name }))
      await sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint: 'arn:aws:sqs:us-east-1:000000000000:whatsapp' }))
      return TopicArn
    }
    const [ours, theirs] = [await topic('whatsapp'), await topic('other')]
    for (let i = 0; i < 5; ++i) await sns.send(new PublishCommand({ TopicArn: ours, Message: `n${i}` }))
    await sns.send(new PublishCommand({ TopicArn: theirs, Message: 'foreign' }))
    const bodies = await run(['poll', url, '25', endpoint])
    const plain = bodies.filter((body) => body.startsWith('{"whatsAppWebhookEntry"'))
    const enveloped = bodies.filter((body) => !plain.includes(body)).map((body) => JSON.parse(body))
    assert.deepEqual([...plain].sort(), [...raw].sort())
    assert.deepEqual(enveloped.map((one) => one.Message).sort(), ['n0', 'n1', 'n2', 'n3', 'n4'])
    assert.ok(enveloped.every((one) => one.TopicArn === ours && one.Type === 'Notification'))
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['All'] }))
    const left = Number(Attributes.ApproximateNumberOfMessages) + Number(Attributes.ApproximateNumberOfMessagesNotVisible)
    assert.equal(left, 1, 'the foreign message stays')
  } finally {
    await app.close()
  }
}

await { signatures, notifications, queue }[wanted]()
process.exit(0)
