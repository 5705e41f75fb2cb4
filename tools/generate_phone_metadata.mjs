// Generates src/core/phone_metadata.inc (tables of phone_number.cpp) and tests/unit/core/phone_examples.tsv (what
// libphonenumber-js itself says about a few thousand numbers) from the npm package libphonenumber-js.
//
//   npm pack libphonenumber-js && tar xf libphonenumber-js-*.tgz
//   node tools/generate_phone_metadata.mjs package/ src/core/phone_metadata.inc tests/unit/core/phone_examples.tsv
//
// Its number patterns are compiled to one minimal automaton for each calling code, which says in one pass whether a
// national number is valid (libphonenumber's general description) and to which region it belongs. National prefixes and
// dialling-out prefixes become literals where they are literals, else small backtracking programs.
import { createRequire } from 'node:module';
import fs from 'node:fs';
import path from 'node:path';

const [, , packageFolder, tablesFile, examplesFile] = process.argv;
if (!examplesFile) {
  console.error('usage: generate_phone_metadata.mjs PACKAGE_FOLDER TABLES.inc EXAMPLES.tsv');
  process.exit(64);
}
const require = createRequire(path.resolve(packageFolder) + '/');
const metadata = JSON.parse(fs.readFileSync(path.join(packageFolder, 'metadata.min.json'), 'utf8'));
const version = JSON.parse(fs.readFileSync(path.join(packageFolder, 'package.json'), 'utf8')).version;

// Positions inside a country's record of metadata version 4.
const CALLING_CODE = 0, IDD = 1, PATTERN = 2, LENGTHS = 3, NATIONAL_PREFIX = 5, PREFIX_FOR_PARSING = 7, TRANSFORM = 8,
  LEADING_DIGITS = 10, TYPES = 11;
const prefixPattern = (c) => c[PREFIX_FOR_PARSING] || c[NATIONAL_PREFIX] || '';

// Until 2019 Mexican mobile numbers carried a "1" after the country code, and WhatsApp's ids and many files still do.
// libphonenumber has dropped these prefixes; they are the ones it had before.
metadata.countries.MX[PREFIX_FOR_PARSING] = '0(?:[12]|4[45])|1';

// ---- regular expressions: parse to a tree ----
function parseRegex(text) {
  let at = 0, groups = 0;
  const alternatives = () => {
    const list = [sequence()];
    while (text[at] === '|') { at++; list.push(sequence()); }
    return list.length === 1 ? list[0] : { kind: 'or', list };
  };
  const sequence = () => {
    const list = [];
    while (at < text.length && text[at] !== '|' && text[at] !== ')') list.push(repeated());
    return { kind: 'seq', list };
  };
  const repeated = () => {
    const item = single();
    if (text[at] === '?') { at++; return { kind: 'rep', item, min: 0, max: 1 }; }
    if (text[at] === '{') {
      const m = /^\{(\d+)(?:,(\d+))?\}/.exec(text.slice(at));
      at += m[0].length;
      return { kind: 'rep', item, min: +m[1], max: m[2] ? +m[2] : +m[1] };
    }
    return item;
  };
  const single = () => {
    const ch = text[at++];
    if (ch === '(') {
      let group = 0;
      if (text.startsWith('?:', at)) at += 2;
      else if (text[at] === '?') throw new Error('unsupported group in ' + text);
      else group = ++groups;
      const inner = alternatives();
      if (text[at++] !== ')') throw new Error('unbalanced group in ' + text);
      return group ? { kind: 'group', group, item: inner } : inner;
    }
    if (ch === '[') {
      let mask = 0;
      while (text[at] !== ']') {
        const from = +text[at++];
        let to = from;
        if (text[at] === '-') { to = +text[at + 1]; at += 2; }
        for (let d = from; d <= to; d++) mask |= 1 << d;
      }
      at++;
      return { kind: 'set', mask };
    }
    if (ch === '\\' && text[at] === 'd') { at++; return { kind: 'set', mask: 0x3ff }; }
    if (ch >= '0' && ch <= '9') return { kind: 'set', mask: 1 << +ch };
    if (ch === '$') return { kind: 'end' };
    throw new Error(`unsupported "${ch}" in ${text}`);
  };
  const tree = alternatives();
  if (at !== text.length) throw new Error('trailing text in ' + text);
  return { tree, groups };
}

// ---- NFA ----
class Nfa {
  constructor() { this.epsilon = []; this.edge = []; this.accept = []; }
  state() { this.epsilon.push([]); this.edge.push(null); this.accept.push(0n); return this.edge.length - 1; }
  build(node, from) {  // returns the end state
    switch (node.kind) {
      case 'set': { const to = this.state(); const s = this.state(); this.epsilon[from].push(s); this.edge[s] = [node.mask, to]; return to; }
      case 'seq': { let s = from; for (const n of node.list) s = this.build(n, s); return s; }
      case 'or': { const end = this.state(); for (const n of node.list) { const s = this.state(); this.epsilon[from].push(s); this.epsilon[this.build(n, s)].push(end); } return end; }
      case 'rep': {
        let s = from;
        for (let i = 0; i < node.min; i++) s = this.build(node.item, s);
        const end = this.state();
        for (let i = node.min; i < node.max; i++) { this.epsilon[s].push(end); s = this.build(node.item, s); }
        this.epsilon[s].push(end);
        return end;
      }
      case 'group': return this.build(node.item, from);
      default: throw new Error('cannot build ' + node.kind);
    }
  }
  add(pattern, mark, anyTail) {
    const s = this.state();
    this.epsilon[0].push(s);
    const end = this.build(parseRegex(pattern).tree, s);
    const last = this.state();
    this.epsilon[end].push(last);
    if (anyTail) this.edge[last] = [0x3ff, last];
    this.accept[last] |= mark;
  }
  closure(set) {
    const stack = [...set];
    const seen = new Set(set);
    while (stack.length) for (const t of this.epsilon[stack.pop()]) if (!seen.has(t)) { seen.add(t); stack.push(t); }
    return [...seen].sort((a, b) => a - b);
  }
}

// Marks are bits: 3i = the number has region i's general form; 3i + 1 = region i claims it; 3i + 2 = it has a length
// that is possible there. label(marks) gives the table's entry.
function automaton(nfa, label) {
  const key = (s) => s.join(',');
  const start = nfa.closure([0]);
  const index = new Map([[key(start), 0]]);
  const sets = [start], next = [];
  for (let i = 0; i < sets.length; i++) {
    const row = [];
    for (let d = 0; d < 10; d++) {
      const to = new Set();
      for (const s of sets[i]) if (nfa.edge[s] && nfa.edge[s][0] >> d & 1) to.add(nfa.edge[s][1]);
      const closed = nfa.closure([...to]);
      const k = key(closed);
      if (!index.has(k)) { index.set(k, sets.length); sets.push(closed); }
      row.push(index.get(k));
    }
    next.push(row);
  }
  const accept = sets.map((set) => label(set.reduce((m, s) => m | nfa.accept[s], 0n)));
  // Moore's minimisation.
  let block = accept.slice();
  for (let count = 0; ;) {
    const ids = new Map();
    block = next.map((row, i) => {
      const k = block[i] + ':' + row.map((t) => block[t]).join(',');
      if (!ids.has(k)) ids.set(k, ids.size);
      return ids.get(k);
    });
    if (ids.size === count) break;
    count = ids.size;
  }
  // State 0 is the dead state, 1 the start: a number that has left every pattern stays at 0.
  const order = new Map();
  const dead = block.find((b, i) => accept[i] === 0 && next[i].every((t) => block[t] === b));
  if (dead === undefined) throw new Error('no dead state');
  order.set(dead, 0);
  const rows = [Array(10).fill(0)], accepts = [0], queue = [];
  const visit = (i) => {
    if (!order.has(block[i])) { order.set(block[i], order.size); queue.push(i); rows.push(null); accepts.push(accept[i]); }
    return order.get(block[i]);
  };
  visit(0);
  while (queue.length) { const i = queue.shift(); rows[order.get(block[i])] = next[i].map(visit); }
  return { rows, accepts };
}

// ---- backtracking programs for prefixes ----
// An instruction: operation (4 bits) | a << 4 (14 bits) | b << 18 (14 bits).
const OP = { match: 0, set: 1, split: 2, jump: 3, save: 4, end: 5 };
const code = (op, a = 0, b = 0) => (op | a << 4 | b << 18) >>> 0;
function compileProgram(pattern) {
  const { tree, groups } = parseRegex(pattern);
  const out = [];
  const emit = (n) => {
    switch (n.kind) {
      case 'set': out.push([OP.set, n.mask]); break;
      case 'end': out.push([OP.end]); break;
      case 'seq': n.list.forEach(emit); break;
      case 'group': out.push([OP.save, 2 * n.group]); emit(n.item); out.push([OP.save, 2 * n.group + 1]); break;
      case 'or': {
        const jumps = [];
        n.list.forEach((item, i) => {
          if (i + 1 === n.list.length) { emit(item); return; }
          const split = out.push([OP.split, 0, 0]) - 1;
          out[split][1] = out.length;
          emit(item);
          jumps.push(out.push([OP.jump, 0]) - 1);
          out[split][2] = out.length;
        });
        for (const j of jumps) out[j][1] = out.length;
        break;
      }
      case 'rep': {
        for (let i = 0; i < n.min; i++) emit(n.item);
        const splits = [];
        for (let i = n.min; i < n.max; i++) { const s = out.push([OP.split, 0, 0]) - 1; out[s][1] = out.length; splits.push(s); emit(n.item); }
        for (const s of splits) out[s][2] = out.length;
        break;
      }
    }
  };
  emit(tree);
  out.push([OP.match]);
  return { program: out.map((i) => code(...i)), groups };
}

// ---- tables ----
const regionNames = Object.keys(metadata.countries).sort();
const regionIndex = new Map(regionNames.map((r, i) => [r, i]));
const callingCodes = { ...metadata.country_calling_codes };
for (const c of Object.keys(metadata.nonGeographic)) callingCodes[c] = [];
const codeList = Object.keys(callingCodes).map(Number).sort((a, b) => a - b);
const NO_REGION = regionNames.length + 1;  // labels: 0 invalid, 1 + region index, NO_REGION

const transitions = [], accepts = [], plans = [];
const programs = [], programIndex = new Map([['', 0]]);
programs.push(code(OP.match));
function programOf(pattern) {
  if (/^\d*$/.test(pattern)) return 0;
  if (!programIndex.has(pattern)) {
    programIndex.set(pattern, programs.length);
    const base = programs.length;
    for (const i of compileProgram(pattern).program) {
      const op = i & 15;
      let a = i >>> 4 & 0x3fff, b = i >>> 18;
      if (op === OP.split) { a += base; b += base; }
      if (op === OP.jump) a += base;
      programs.push(code(op, a, b));
    }
  }
  return programIndex.get(pattern);
}

const shapes = new Map();
for (const cc of codeList) {
  const regions = callingCodes[cc];
  const records = regions.length ? regions.map((r) => metadata.countries[r]) : [metadata.nonGeographic[cc]];
  const nfa = new Nfa();
  nfa.state();
  records.forEach((record, i) => {
    const form = 1n << BigInt(3 * i), claim = form << 1n, length = form << 2n;
    nfa.add(record[PATTERN], form, false);
    for (const n of record[LENGTHS]) nfa.add(`\\d{${n}}`, length, false);
    if (regions.length < 2) return;
    if (record[LEADING_DIGITS]) nfa.add(record[LEADING_DIGITS], claim, true);
    else for (const type of record[TYPES] || []) if (type && type[0]) nfa.add(`(?:${type[0]})`, claim, false);
  });
  const label = (marks) => {
    const bit = (n) => (marks >> BigInt(n) & 1n) === 1n;
    const valid = (i) => bit(3 * i) && bit(3 * i + 2);
    if (regions.length === 1) return valid(0) ? 1 + regionIndex.get(regions[0]) : 0;
    for (let i = 0; i < regions.length; i++) if (bit(3 * i + 1)) return valid(i) ? 1 + regionIndex.get(regions[i]) : 0;
    return valid(0) ? NO_REGION : 0;
  };
  const { rows, accepts: labels } = automaton(nfa, label);
  const lengths = records.flatMap((r) => r[LENGTHS]);
  const text = JSON.stringify([rows, labels]);
  let base = shapes.get(text);
  if (base === undefined) {
    base = accepts.length;
    shapes.set(text, base);
    for (const row of rows) transitions.push(...row.map((s) => s + base));
    accepts.push(...labels);
  }
  plans.push({ cc, start: base + 1, dead: base, min: Math.min(...lengths), max: Math.max(...lengths), region: regions.length ? regionIndex.get(regions[0]) : -1 });
}
if (accepts.length > 65535 || programs.length > 16383) throw new Error('tables too large for their index types');

const regionRows = regionNames.map((name) => {
  const c = metadata.countries[name];
  const prefix = prefixPattern(c), idd = c[IDD] || '';
  const literal = (p) => /^\d*$/.test(p) ? p : '';
  return `{{'${name[0]}', '${name[1]}'}, ${codeList.indexOf(+c[CALLING_CODE])}, ${programOf(prefix)}, ${programOf(idd)}, "${literal(prefix)}", "${literal(idd)}", "${c[TRANSFORM] || ''}"}`;
});
const prefixTable = Array(1000).fill(0);
codeList.forEach((cc, i) => {
  const width = 10 ** (3 - String(cc).length);
  for (let n = 0; n < width; n++) prefixTable[cc * width + n] = i + 1;
});
const wrap = (list) => {
  const lines = [];
  for (let i = 0, line = ''; i <= list.length; i++) {
    if (i === list.length || line.length + String(list[i]).length > 108) { lines.push(line); line = ''; }
    if (i < list.length) line += list[i] + ',';
  }
  return lines.join('\n');
};
fs.writeFileSync(tablesFile, `// Generated by tools/generate_phone_metadata.mjs from libphonenumber-js ${version} (MIT licence), whose metadata comes from
// Google's libphonenumber (Apache licence 2.0). Not to be edited by hand.
inline constexpr std::uint16_t kNoRegionLabel = ${NO_REGION};

// By the first three digits of an international number: 1 + index into kPlans, 0 where no country code is.
constexpr std::uint8_t kPlanByPrefix[1000] = {
${wrap(prefixTable)}
};
// Calling code, start state, dead state, shortest and longest national number, main region (-1: none).
constexpr Plan kPlans[] = {
${wrap(plans.map((p) => `{${p.cc},${p.start},${p.dead},${p.min},${p.max},${p.region}}`))}
};
// Code, plan, program of national prefix and of the dialling-out prefix (0: the literals that follow), transform rule.
constexpr RegionPlan kRegions[] = {
${regionRows.join(',\n')}
};
// State × digit → state, and for each state 0 (no number), 1 + region, or kNoRegionLabel (valid, region not known).
constexpr std::uint16_t kTransitions[] = {
${wrap(transitions)}
};
constexpr std::uint16_t kAccepts[] = {
${wrap(accepts)}
};
constexpr std::uint32_t kPrograms[] = {
${wrap(programs)}
};
`);
console.log(`${accepts.length} states, ${programs.length} instructions, ${regionNames.length} regions, ${codeList.length} calling codes`);

// ---- examples judged by libphonenumber-js itself ----
const lib = require('./min/index.cjs');
const exampleNumbers = JSON.parse(fs.readFileSync(path.join(packageFolder, 'examples.mobile.json'), 'utf8'));
let seed = 20240229;
const random = (n) => { seed = (Math.imul(seed, 1103515245) + 12345) >>> 0; return Math.floor(seed / 4294967296 * n); };
const general = (c) => new RegExp(`^(?:${c[PATTERN]})$`);
// A number of the form of the pattern: walks its tree with random choices.
function sample(node) {
  switch (node.kind) {
    case 'set': { const d = []; for (let i = 0; i < 10; i++) if (node.mask >> i & 1) d.push(i); return String(d[random(d.length)]); }
    case 'seq': return node.list.map(sample).join('');
    case 'or': return sample(node.list[random(node.list.length)]);
    case 'rep': { let s = ''; for (let n = node.min + random(node.max - node.min + 1); n > 0; n--) s += sample(node.item); return s; }
    default: return sample(node.item);
  }
}
const lines = new Set();
function judge(text, region) {
  if (region === 'MX' && /^\+?(52)?\D*[01]/.test(text)) return;  // see the prefixes above
  const parsed = lib.parsePhoneNumberFromString(text, region);
  let digits = '', home = '';
  if (parsed) {
    const regions = callingCodes[parsed.countryCallingCode] || [];
    const whole = parsed.countryCallingCode + parsed.nationalNumber;
    const decided = regions.length === 1 ? regions[0] : lib.parsePhoneNumberFromString('+' + whole)?.country;
    const record = metadata.countries[decided || regions[0]] || metadata.nonGeographic[parsed.countryCallingCode];
    const valid = general(record).test(parsed.nationalNumber) && record[LENGTHS].includes(parsed.nationalNumber.length);
    if (whole.length <= 15 && valid) [digits, home] = [whole, decided || ''];
  }
  // Without a calling code a text that libphonenumber refuses may still be an international number without "+" to us.
  if (!digits && text[0] !== '+') return;
  lines.add(`${text}\t${region}\t${digits}\t${home}`);
}
for (const region of regionNames) {
  const record = metadata.countries[region];
  const prefix = record[NATIONAL_PREFIX] || '';
  const nationals = new Set();
  if (exampleNumbers[region]) nationals.add(exampleNumbers[region]);
  const tree = parseRegex(record[PATTERN]).tree;
  for (let i = 0; i < 6; i++) nationals.add(sample(tree));
  for (const n of nationals) {
    judge(`+${record[CALLING_CODE]}${n}`, region);
    judge(n, region);
    judge(prefix + n, region);
    if (prefix) judge(`+${record[CALLING_CODE]} (${prefix})${n}`, region);
    judge(`+${record[CALLING_CODE]}${n}${random(10)}`, region);
    judge(`+${record[CALLING_CODE]}${n.slice(0, -1)}`, region);
    judge(`+${record[CALLING_CODE]}${random(10)}${n.slice(1)}`, region);
  }
}
const national = [['AR', '011 15 2345-6789'], ['AR', '02966 15 123456'], ['AR', '9 11 2345 6789'], ['BR', '0 21 11 98765-4321'],
  ['BR', '011 98765 4321'], ['IT', '06 1234 5678'], ['IT', '347 123 4567'], ['RU', '8 (912) 345-67-89'], ['GB', '07911 123456'],
  ['US', '1 (415) 555-2671'], ['US', '011 44 7911 123456'], ['BS', '322 1234'], ['SM', '886377'], ['HU', '06 20 123 4567'],
  ['AU', '0011 49 170 1234567'], ['JP', '090-1234-5678'], ['CN', '138 0013 8000'], ['NG', '0803 123 4567'], ['DE', '0170 1234567'],
  ['DE', '0049 170 1234567'], ['FR', '06 12 34 56 78'], ['IL', '050-123-4567'], ['CI', '07 08 09 10 11']];
for (const [region, text] of national) judge(text, region);
fs.writeFileSync(examplesFile, `# Generated by tools/generate_phone_metadata.mjs: what libphonenumber-js ${version} makes of these.\n# text, default region, E.164 digits (empty: no valid number), region of the number\n${[...lines].join('\n')}\n`);
console.log(`${lines.size} examples`);
