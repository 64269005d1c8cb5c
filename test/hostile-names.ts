/** An IPFIX message whose texts are what an attacker would send: markup, SQL, formulas, paths. */

export const MARKUP = `"'><img src=x onerror="window.weirHacked=1"><script>window.weirHacked=1</script>`;
export const SQL = `'; DROP TABLE flows; SELECT '1`;
export const FORMULA = `=HYPERLINK("http://evil.example","x")`;
const PATH = '../../../../etc/passwd\u0000.txt';
const TEMPLATE = 'javascript:alert(1)//{{7*7}}';

/** [IANA element, text]: userName, applicationName, VRFname, interfaceName, wlanSSID, httpRequestHost, dnsQName … */
const TEXT_ELEMENTS = [371, 96, 236, 82, 83, 147, 460, 461, 462, 335, 365] as const;
const NUMBER_ELEMENTS = [
  [8, 4],
  [12, 4],
  [7, 2],
  [11, 2],
  [4, 1],
  [1, 8],
  [2, 8],
  [152, 8],
  [153, 8],
] as const;
const TEMPLATE_ID = 300;
const VARIABLE = 0xffff;

/** Template and one record for each text, which ended at `nowMs` and came from port 40000 on. */
export function hostileMessage(
  nowMs: number,
  texts: readonly string[] = [MARKUP, SQL, FORMULA, PATH, TEMPLATE],
): Buffer {
  const fields = [...NUMBER_ELEMENTS, ...TEXT_ELEMENTS.map((element) => [element, VARIABLE] as const)];
  const template = Buffer.concat([
    u16(TEMPLATE_ID, fields.length),
    ...fields.map(([element, octets]) => u16(element, octets)),
  ]);
  const records = texts.map((text, index) => {
    const octets = Buffer.from(text);
    const texted = Buffer.concat([Buffer.of(octets.length), octets]);
    return Buffer.concat([numbers(nowMs, 40_000 + index), ...TEXT_ELEMENTS.map(() => texted)]);
  });
  const body = Buffer.concat([set(2, template), set(TEMPLATE_ID, Buffer.concat(records))]);
  const header = Buffer.alloc(16);
  header.writeUInt16BE(10, 0);
  header.writeUInt16BE(16 + body.length, 2);
  header.writeUInt32BE(Math.floor(nowMs / 1000), 4);
  return Buffer.concat([header, body]);
}

function numbers(nowMs: number, port: number): Buffer {
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(nowMs));
  const count = Buffer.alloc(8);
  count.writeBigUInt64BE(1000n);
  return Buffer.concat([
    Buffer.of(10, 0, 0, 1, 10, 0, 0, 2),
    u16(port, 443),
    Buffer.of(6),
    count,
    count,
    time,
    time,
  ]);
}

function set(id: number, content: Buffer): Buffer {
  return Buffer.concat([u16(id, 4 + content.length), content]);
}

function u16(...values: number[]): Buffer {
  const octets = Buffer.alloc(values.length * 2);
  for (const [index, value] of values.entries()) octets.writeUInt16BE(value, index * 2);
  return octets;
}
