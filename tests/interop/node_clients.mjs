// node_clients.mjs CASE FACTS: one case of node_clients.py. FACTS is a JSON object with the sandbox's address and names.
import assert from 'node:assert/strict'
import http from 'node:http'
import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const [wanted, json] = process.argv.slice(2)
const facts = JSON.parse(json)
const require = createRequire(path.join(facts.modules, 'x.js'))
const from = async (name) => {
  const module = await import(pathToFileURL(require.resolve(name)).href)
  return module.default ?? module  // default: it is a CommonJS module
}
const { url, waba, number, phone, token, secret, verify } = facts

const control = async (method, where, body) => {
  const answer = await fetch(`${url}/sandbox/${where}`, { method, body: body && JSON.stringify(body) })
  assert.equal(answer.status, 200, `${method} ${where}: ${await answer.clone().text()}`)
  return answer.json()
}
const ledger = async (of) => (await control('GET', `ledger/phone/${of}`)).messages
const customerWrites = (body) => control('POST', `phones/${phone}/send?number=${number}`, body)
const text = (words) => ({ type: 'text', text: { body: words } })
const other = (n) => String(BigInt(phone) + BigInt(n))
const png = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, ...Array(500).keys()])

// An HTTP server; take(body, signature) answers 200 unless it throws.
async function listen(challenge, take) {
  const seen = { bodies: [], failures: [] }
  const server = http.createServer(async (request, response) => {
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    const address = new URL(request.url, 'http://x')
    if (request.method === 'GET') return response.end(challenge(Object.fromEntries(address.searchParams)))
    const body = Buffer.concat(chunks).toString('utf8')
    seen.bodies.push({ body, signature: request.headers['x-hub-signature-256'] })
    try {
      await take(body, request.headers['x-hub-signature-256'])
    } catch (error) {
      seen.failures.push(error)
    }
    response.end('ok')
  })
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready))
  await control('POST', 'callback', { url: `http://127.0.0.1:${server.address().port}/`, verify_token: verify })
  return { ...seen, close: () => server.close() }
}

async function until(done, what) {
  for (let i = 0; i < 300; ++i) {
    if (await done()) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  assert.fail(`waited in vain for ${what}`)
}
const idle = () => until(async () => (await control('GET', 'health')).idle, 'the sandbox to be idle')

async function kapsoClient(accessToken = token) {
  const kapso = await from('@kapso/whatsapp-cloud-api')
  return { kapso, client: new kapso.WhatsAppClient({ accessToken, baseUrl: url, graphVersion: 'v25.0' }) }
}

async function kapso_sends() {
  const { kapso, client } = await kapsoClient()
  const to = { phoneNumberId: number, to: `+${phone}` }
  const incoming = (await customerWrites(text('Hello'))).wamid
  const sent = await client.messages.sendText({ ...to, body: 'Grüße 👋' })
  assert.deepEqual([sent.contacts[0].input, sent.contacts[0].waId], [`+${phone}`, phone])
  assert.deepEqual((await ledger(phone)).map((m) => m.wamid), [sent.messages[0].id])
  await client.messages.sendInteractiveButtons({ ...to, bodyText: 'Pick', footerText: 'Bye', buttons: [{ id: 'a', title: 'A' }, { id: 'b', title: 'B' }] })
  await client.messages.sendInteractiveCtaUrl({ ...to, bodyText: 'Visit', parameters: { displayText: 'Go', url: 'https://shop.example.com/' } })
  await client.messages.sendImage({ ...to, image: { link: 'https://cdn.example.com/a.jpg', caption: 'Look' } })
  await client.messages.sendLocation({ ...to, location: { latitude: 1.5, longitude: 2.5, name: 'Shop', address: 'Street' } })
  await client.messages.sendReaction({ ...to, reaction: { messageId: incoming, emoji: '👍' } })
  await client.messages.sendContacts({ ...to, contacts: [{ name: { formattedName: 'Anna B', firstName: 'Anna' }, phones: [{ phone: `+${phone}` }] }] })
  assert.equal((await client.messages.markRead({ phoneNumberId: number, messageId: incoming, typingIndicator: { type: 'text' } })).success, true)
  assert.equal((await ledger(phone)).length, 7)

  const media = await client.media.upload({ phoneNumberId: number, type: 'image', file: new Blob([png], { type: 'image/png' }), fileName: 'a.png' })
  const known = await client.media.get({ mediaId: media.id, phoneNumberId: number })
  assert.deepEqual([known.id, known.mimeType, Number(known.fileSize)], [media.id, 'image/png', png.length])
  assert.deepEqual(new Uint8Array(await client.media.download({ mediaId: media.id, auth: 'always' })), png)

  const button = (subType, index, parameter) => ({ type: 'button', subType, index, parameters: [parameter] })
  const picture = { type: 'image', image: { id: media.id } }
  const words = (...list) => list.map((one) => ({ type: 'text', text: one }))
  const kinds = {
    hello_world: {},
    spring_sale: { header: words('Sale')[0], body: words('Anna', 'May', 'X', '5%'), buttons: [button('quick_reply', 0, { type: 'payload', payload: 'stop' })] },
    order_confirmation: {
      body: [{ type: 'text', parameterName: 'first_name', text: 'Anna' }, { type: 'text', parameterName: 'order_number', text: '7' }],
      buttons: [button('url', 0, { type: 'text', text: '7' })]
    },
    new_arrivals: { header: picture, body: words('Anna'), buttons: [button('url', 0, { type: 'text', text: '7' })] },
    coupon_gift: { body: words('X', '5%'), buttons: [button('copy_code', 1, { type: 'coupon_code', coupon_code: 'X5' })] },
    feedback_form: { body: words('Anna'), buttons: [button('flow', 0, { type: 'action', action: { flow_token: 'f' } })] },
    summer_carousel: {
      body: words('Anna'),
      cards: [0, 1].map((cardIndex) => ({
        cardIndex,
        components: [
          { type: 'header', parameters: [picture] }, { type: 'body', parameters: words('$1') },
          button('quick_reply', 0, { type: 'payload', payload: 'more' }), button('url', 1, { type: 'text', text: 'p' })
        ]
      }))
    }
  }
  let n = 0
  for (const [name, parts] of Object.entries(kinds)) {
    const template = kapso.buildTemplateSendPayload({ name, language: 'en_US', ...parts })
    const reply = await client.messages.sendTemplate({ phoneNumberId: number, to: other(++n), template })
    assert.deepEqual((await ledger(other(n))).map((m) => m.wamid), [reply.messages[0].id], name)
  }

  const names = new Set()
  let after, pages = 0
  do {
    const page = await client.templates.list({ businessAccountId: waba, limit: 5, after })
    for (const one of page.data) names.add(`${one.name}/${one.language}`)
    after = page.paging.next === undefined ? undefined : page.paging.cursors.after
    ++pages
  } while (after !== undefined)
  assert.ok(pages >= 3 && names.size > 15 && names.has('spring_sale/de'), `${pages} pages, ${names.size} templates`)
  const made = await client.templates.create({ businessAccountId: waba, name: 'interop_made', language: 'en_US', category: 'UTILITY',
    components: [{ type: 'BODY', text: 'Hi {{1}}, welcome.', example: { body_text: [['Anna']] } }] })
  assert.equal(made.status, 'PENDING')
  assert.equal((await client.templates.delete({ businessAccountId: waba, name: 'interop_made' })).success, true)
  assert.equal((await client.media.delete({ mediaId: media.id })).success, true)

  const refused = async (call, code, category) => {
    const error = await call().then(() => assert.fail(`taken instead of refused with ${code}`), (e) => e)
    assert.ok(error instanceof kapso.GraphApiError, String(error))
    assert.deepEqual([error.code, error.category], [code, category], error.message)
    assert.ok(error.fbtraceId && error.type === 'OAuthException', `${code}: trace id and type`)
  }
  const order = (name, accessClient = client) => () => accessClient.messages.sendTemplate({ ...to, template: { name, language: { code: 'en_US' }, components: [{ type: 'body', parameters: words('A') }] } })
  await refused(order('no_such_template'), 132001, 'template')
  await refused(order('paused_promo'), 132015, 'template')
  await refused(() => client.messages.sendText({ phoneNumberId: number, to: other(99), body: 'Hi' }), 131047, 'reengagementWindow')
  await refused(order('order_update', (await kapsoClient('EAAWrong')).client), 190, 'authorization')
  for (const [code, category] of [[130429, 'throttling'], [131056, 'throttling'], [80007, 'throttling'], [131031, 'integrity']]) {
    await control('POST', 'chaos', { faults: [{ kind: 'error', rate: 1, code }] })
    await refused(order('order_update'), code, category)
    await control('DELETE', 'chaos')
  }
}

async function kapso_listens() {
  const { client } = await kapsoClient()
  const { normalizeWebhook, verifySignature } = await from('@kapso/whatsapp-cloud-api/server')
  const all = { statuses: [], messages: [], contacts: [], raw: [] }
  const here = await listen((q) => q['hub.verify_token'] === verify ? q['hub.challenge'] : 'no', (body, signature) => {
    assert.ok(verifySignature({ appSecret: secret, rawBody: body, signatureHeader: signature }), 'signature')
    assert.ok(!verifySignature({ appSecret: secret, rawBody: body + ' ', signatureHeader: signature }), 'a changed body')
    const found = normalizeWebhook(JSON.parse(body))
    assert.equal(found.object, 'whatsapp_business_account')
    for (const kind of ['statuses', 'messages', 'contacts']) all[kind].push(...found[kind])
    all.raw.push(found.raw)
  })
  await customerWrites(text('Grüß Gott 👋'))
  await customerWrites({ type: 'interactive', interactive: { type: 'button_reply', button_reply: { id: 'red', title: 'Red' } } })
  const sent = await client.messages.sendText({ phoneNumberId: number, to: phone, body: 'Hi' })
  const words = [{ type: 'text', text: 'A' }]
  const failed = await client.messages.sendTemplate({ phoneNumberId: number, to: '+490000131049',
    template: { name: 'order_update', language: { code: 'en_US' }, components: [{ type: 'body', parameters: words }] } })
  await control('POST', `phones/${phone}/preference`, { value: 'stop' })
  await control('POST', 'templates/order_update/en_US', { status: 'PAUSED' })
  await until(() => all.statuses.length >= 4 && all.messages.length >= 2, 'webhooks')
  await idle()
  assert.deepEqual(here.failures, [])
  assert.deepEqual(all.statuses.filter((s) => s.id === sent.messages[0].id).map((s) => s.status).sort(), ['delivered', 'read', 'sent'])
  const bad = all.statuses.filter((s) => s.id === failed.messages[0].id)
  assert.deepEqual(bad.map((s) => [s.status, s.errors[0].code, s.recipientId]), [['failed', 131049, '490000131049']])
  assert.equal(all.messages.find((m) => m.type === 'text').text.body, 'Grüß Gott 👋')
  assert.equal(all.messages.find((m) => m.type === 'interactive').interactive.buttonReply.id, 'red')
  assert.ok(all.messages.every((m) => m.fromUserId && m.kapso.direction === 'inbound'), JSON.stringify(all.messages))
  assert.ok(all.raw.some((r) => r.userPreferences?.[0].userPreferences[0].value === 'stop'), 'preferences')
  assert.ok(all.raw.some((r) => r.messageTemplateStatusUpdate?.[0].event === 'PAUSED'), 'template status')
  here.close()
}

// It always calls Meta's own host, so its fetch is replaced by one that goes to the sandbox.
async function otherClient(accessToken = token) {
  const { WhatsAppAPI } = await from('whatsapp-api-js')
  const redirected = (where, options) => fetch(String(where).replace('https://graph.facebook.com', url), options)
  return new WhatsAppAPI({ token: accessToken, appSecret: secret, webhookVerifyToken: verify, v: 'v25.0', ponyfill: { fetch: redirected } })
}

async function whatsapp_api_js_sends() {
  const api = await otherClient()
  const m = await from('whatsapp-api-js/messages')
  const incoming = (await customerWrites(text('Hello'))).wamid
  const good = (reply) => assert.match(reply.messages?.[0].id ?? JSON.stringify(reply), /^wamid\./)
  good(await api.sendMessage(number, phone, new m.Text('Grüße 👋', true), incoming, 'interop-1'))
  good(await api.sendMessage(number, phone, new m.Interactive(new m.ActionButtons(new m.Button('red', 'Red')), new m.Body('Which?'))))
  good(await api.sendMessage(number, phone, new m.Location(1.5, 2.5, 'Shop', 'Street')))
  good(await api.sendMessage(number, phone, new m.Image('https://cdn.example.com/a.jpg', false, 'Look')))
  assert.equal((await control('GET', 'ledger/token/interop-1')).messages.length, 1)
  assert.equal((await api.markAsRead(number, incoming, 'text')).success, true)

  const form = new FormData()
  form.set('file', new Blob([png], { type: 'image/png' }), 'a.png')
  const media = await api.uploadMedia(number, form)
  assert.match(media.id ?? JSON.stringify(media), /^\d+$/)
  const known = await api.retrieveMedia(media.id, number)
  assert.equal(known.mime_type, 'image/png')
  assert.deepEqual(new Uint8Array(await (await api.fetchMedia(known.url)).arrayBuffer()), png)

  const body = (...words) => new m.BodyComponent(...words.map((w) => new m.BodyParameter(w)))
  const image = () => new m.Image(media.id, true)
  const card = () => new m.CarouselCard(image(), body('$1'), new m.PayloadComponent('more'), new m.URLComponent('p'))
  const templates = [
    new m.Template('order_update', 'en_US', body('A-1')),
    new m.Template('spring_sale', 'en_US', new m.HeaderComponent(new m.HeaderParameter('Sale')), body('Anna', 'May', 'X', '5%'),
      new m.PayloadComponent('stop'), new m.PayloadComponent('stop-all')),
    new m.Template('order_confirmation', 'en_US', new m.BodyComponent(new m.BodyParameter('Anna', 'first_name'), new m.BodyParameter('7', 'order_number')),
      new m.URLComponent('7')),
    new m.Template('new_arrivals', 'en_US', new m.HeaderComponent(new m.HeaderParameter(image())), body('Anna'), new m.URLComponent('7')),
    new m.Template('limited_offer', 'en_US', new m.HeaderComponent(new m.HeaderParameter(image())),
      new m.LTOComponent(Date.now() + 3600e3), body('Anna', 'X'), new m.CopyComponent('X'), new m.URLComponent('c')),
    new m.Template('coupon_gift', 'en_US', body('X', '5%'), new m.PayloadComponent('stop'), new m.CopyComponent('X5')),
    new m.Template('feedback_form', 'en_US', body('Anna'), new m.FlowComponent('f', { a: 1 })),
    new m.Template('summer_carousel', 'en_US', body('Anna'), new m.CarouselComponent(card(), card())),
    m.Template.OTP('login_code', 'en_US', '123456')
  ]
  for (const [i, template] of templates.entries()) {
    good(await api.sendMessage(number, other(i), template, undefined, template.name))
    assert.equal((await control('GET', `ledger/token/${template.name}`)).messages.length, 1, template.name)
  }
  assert.equal((await api.deleteMedia(media.id, number)).success, true)

  const refused = async (reply, code) => {
    const { error } = await reply
    assert.deepEqual([error?.code, typeof error?.error_data?.details, error?.type], [code, 'string', 'OAuthException'])
  }
  await refused(api.sendMessage(number, phone, new m.Template('no_such_template', 'en_US', body('A'))), 132001)
  await refused(api.sendMessage(number, phone, new m.Template('order_update', 'en_US')), 132000)
  await refused(api.sendMessage(number, other(99), new m.Text('Hi')), 131047)
  await refused((await otherClient('EAAWrong')).sendMessage(number, phone, new m.Text('Hi')), 190)
}

async function whatsapp_api_js_listens() {
  const api = await otherClient()
  const m = await from('whatsapp-api-js/messages')
  const seen = { message: [], status: [] }
  api.on.message = (one) => { seen.message.push(one) }
  api.on.status = (one) => { seen.status.push(one) }
  const here = await listen((query) => api.get(query), (body, signature) => api.post(JSON.parse(body), body, signature))
  await customerWrites(text('Grüß Gott 👋 / \\ "x"'))
  const sent = await api.sendMessage(number, phone, new m.Text('Hi'), undefined, 'Grüße/7')
  const failed = await api.sendMessage(number, '+490000131026', new m.Template('order_update', 'en_US', new m.BodyComponent(new m.BodyParameter('A'))))
  await until(() => seen.status.length >= 4 && seen.message.length >= 1, 'webhooks')
  await idle()
  assert.deepEqual(here.failures, [])
  const mine = seen.status.filter((s) => s.id === sent.messages[0].id)
  assert.deepEqual(mine.map((s) => s.status).sort(), ['delivered', 'read', 'sent'])
  for (const s of mine) assert.deepEqual([s.recipient.phone, s.phoneID, s.biz_opaque_callback_data], [phone, number, 'Grüße/7'])
  const bad = seen.status.find((s) => s.id === failed.messages[0].id)
  assert.deepEqual([bad.status, bad.error.code, bad.recipient.phone], ['failed', 131026, '490000131026'])
  assert.deepEqual([seen.message[0].message.text.body, seen.message[0].recipient.phone], ['Grüß Gott 👋 / \\ "x"', phone])
  assert.ok(seen.message[0].recipient.bsuid && seen.message[0].name, 'id and name of the customer')
  const { body, signature } = here.bodies[0]
  assert.equal(await api.verifyRequestSignature(body, signature), true)
  assert.equal(await api.verifyRequestSignature(body + ' ', signature), false)
  here.close()
}

const cases = { kapso_sends, kapso_listens, whatsapp_api_js_sends, whatsapp_api_js_listens }
await cases[wanted]()
