// What a common script reaches: axios, p-limit, keep-alive, nothing written down. Usage: node axios_baseline.mjs URL [requests]
import http from 'node:http';
import axios from 'axios';
import pLimit from 'p-limit';

const [url, count = '20000'] = process.argv.slice(2);
const requests = Number(count);
const client = axios.create({ httpAgent: new http.Agent({ keepAlive: true, maxSockets: 64 }) });
const limit = pLimit(64);
const parameter = (text) => ({ type: 'text', text });
const message = (i) => ({
  messaging_product: 'whatsapp',
  recipient_type: 'individual',
  to: `+49151${String(i).padStart(8, '0')}`,
  type: 'template',
  template: {
    name: 'spring_sale',
    language: { code: 'en_US' },
    components: [
      { type: 'header', parameters: [parameter('Spring Sale')] },
      { type: 'body', parameters: ['Anna', 'the end of the month', 'SPRING', '10 %'].map(parameter) },
    ],
  },
});

const began = performance.now();
await Promise.all(
  Array.from({ length: requests }, (_, i) =>
    limit(() => client.post(`${url}/v25.0/106540352242923/messages`, message(i), { headers: { Authorization: 'Bearer x' } }))),
);
const perSecond = (requests * 1000) / (performance.now() - began);
console.log(`| axios + p-limit, static server | ${perSecond.toFixed(0)}/s | | | baseline |`);
