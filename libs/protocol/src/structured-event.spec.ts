import { isDeepStrictEqual } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { CloudEvent as OracleEvent, HTTP, type CloudEventV1 } from 'cloudevents';
import fc from 'fast-check';
import { attributeText, cloudEvent, jsonText } from '../test/arbitraries.js';
import { formatBatch, formatStructured, joinBatch } from './format-event.js';
import { parseBatch, parseStructured } from './structured-event.js';

const envelope = (members: string) => Buffer.from(`{"specversion":"1.0","id":"1","source":"/s","type":"t"${members}}`);

function eventIn(body: Buffer) {
  const result = parseStructured(body);
  if (result.kind === 'malformed') throw new Error(JSON.stringify(result.errors));
  return result.value;
}

const dataIn = (body: Buffer) => eventIn(body).data?.toString();

function errorsIn(body: Buffer | string) {
  const result = parseStructured(Buffer.from(body));
  return result.kind === 'malformed' ? result.errors : [];
}

function exposedGc(): () => void {
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('gc');
  if (typeof gc !== 'function') throw new Error('V8 exposes no gc().');
  // The second collection waits for the first to have swept the buffers.
  return () => {
    gc();
    gc();
  };
}

function memoryInUse(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

describe('a structured event', () => {
  test('comes back as it was written, data byte for byte', () => {
    fc.assert(
      fc.property(cloudEvent, (event) => {
        expect(parseStructured(formatStructured(event))).toStrictEqual({ kind: 'ok', value: event });
      }),
      { numRuns: 500 },
    );
  });

  test('keeps the text of data whatever surrounds it', () => {
    const space = fc.stringMatching(/^[ \t\r\n]{0,3}$/);
    fc.assert(
      fc.property(jsonText, fc.array(space, { minLength: 6, maxLength: 6 }), (text, [a, b, c, d, e, f]) => {
        const data = text.trim();
        const body = `${a}{${b}"specversion":"1.0","data"${c}:${d}${data}${e},"id": "1","source":"/s","type":"t"}${f}`;
        expect(dataIn(Buffer.from(body))).toBe(data);
      }),
    );
  });

  test.each(['12345678901234567890', '1.0', '-0', '1E400', '"\\u00e9\\/"', '{"a":1,"a":2}', 'null', '{ "b" : [ ] }'])(
    'keeps %s as it is spelt',
    (text) => {
      expect(dataIn(envelope(`,"data":${text}`))).toBe(text);
      expect(formatStructured(eventIn(envelope(`,"data":${text}`))).toString()).toContain(`"data":${text}}`);
    },
  );

  test('keeps white space around data that came with it, and drops what is layout', () => {
    expect(dataIn(envelope(',"data":{"a":1}\n'))).toBe('{"a":1}\n');
    expect(dataIn(Buffer.from('{"specversion": "1.0", "id": "1", "source": "/", "type": "t", "data": [1] }'))).toBe(
      '[1]',
    );
  });

  test('has JSON data unless its media type says otherwise', () => {
    expect(eventIn(envelope(',"data":{}'))).toMatchObject({ datacontenttype: 'application/json' });
    expect(eventIn(envelope(',"data":"<a/>","datacontenttype":"text/xml"'))).toMatchObject({
      data: Buffer.from('<a/>'),
    });
    expect(eventIn(envelope(',"data":{},"datacontenttype":null'))).toMatchObject({
      datacontenttype: 'application/json',
    });
    expect(eventIn(envelope(''))).toStrictEqual({ id: '1', source: '/s', type: 't', extensions: {} });
  });

  test('decodes data_base64 to the bytes', () => {
    expect(eventIn(envelope(',"data_base64":"AP\\/+"')).data).toEqual(Buffer.from([0, 0xff, 0xfe]));
    expect(eventIn(envelope(',"data_base64":""')).data).toEqual(Buffer.alloc(0));
  });

  test('keeps the text of integers and booleans in extensions, knows them for such, and takes null for absent', () => {
    const { extensions, scalars } = eventIn(
      envelope(',"n":-2147483648,"yes":true,"no":"false","gone":null,"subject":null'),
    );
    expect(extensions).toStrictEqual({ n: '-2147483648', yes: 'true', no: 'false' });
    expect(scalars).toEqual(['n', 'yes']);
  });

  test('decodes escaped names and values', () => {
    const body = '{"specversion":"1.0","\\u0069d":"a\\u0062","source":"\\/s","type":"\\ud83d\\ude00","ext":"é\\n"}';
    expect(errorsIn(body)).toEqual([
      { pointer: '/ext', detail: 'must not hold control characters, noncharacters or lone surrogates' },
    ]);
    expect(eventIn(Buffer.from(body.replace('\\n', '')))).toMatchObject({ id: 'ab', source: '/s', type: '😀' });
  });

  test('takes defaults for what is absent and asks for an id only when one is needed', () => {
    const id = vi.fn(() => 'made');
    const given = parseStructured(envelope(''), { id, source: '/default', type: 'default' });
    expect(given).toMatchObject({ value: { id: '1', source: '/s', type: 't' } });
    expect(id).not.toHaveBeenCalled();
    const bare = parseStructured(Buffer.from('{"specversion":"1.0","id":null}'), { id, source: '/default', type: 'd' });
    expect(bare).toMatchObject({ value: { id: 'made', source: '/default', type: 'd' } });
  });

  test('checks a default like a given value', () => {
    const result = parseStructured(Buffer.from('{"specversion":"1.0","source":"/","type":"t"}'), { id: 'a b' });
    expect(result).toMatchObject({ kind: 'malformed', errors: [{ pointer: '/id' }] });
  });

  test.each([
    [',"id":"2"', '/id'],
    [',"\\u0069d":"2"', '/id'],
    [',"data":1,"data":1', '/data'],
    [',"x":null,"x":"a"', '/x'],
    [',"subject":null,"subject":"a"', '/subject'],
    [',"data_base64":null,"data_base64":"AA=="', '/data_base64'],
    [',"data":1,"data_base64":"AA=="', '/data_base64'],
    [',"data_base64":"AAA"', '/data_base64'],
    [',"data_base64":"A-_="', '/data_base64'],
    [',"data_base64":"AA==","datacontenttype":"application/json"', '/data_base64'],
    [',"data_base64":1', '/data_base64'],
    [',"data":{},"datacontenttype":"text/plain"', '/data'],
    [',"data":"\\ud800","datacontenttype":"text/plain"', '/data'],
    [',"data":"a","datacontenttype":"text/plain; charset=iso-8859-1"', '/data'],
    [',"dataContentType":"a/b"', '/dataContentType'],
    [',"a/b~c":"x"', '/a~1b~0c'],
    [',"":"x"', '/'],
    [',"ext_a":"x"', '/ext_a'],
    [',"ext_a":{}', '/ext_a'],
    [',"id":{}', '/id'],
    [',"ext":{}', '/ext'],
    [',"ext":1.5', '/ext'],
    [',"ext":2147483648', '/ext'],
    [',"ext":"\\ud800"', '/ext'],
    [',"ext":"\\u0000"', '/ext'],
    [',"ext":"\ufffe"', '/ext'],
    [',"subject":1', '/subject'],
    [',"subject":""', '/subject'],
    [',"time":"yesterday"', '/time'],
    [',"time":"2026-02-29T00:00:00Z"', '/time'],
    [',"deliverat":"2026-02-28"', '/deliverat'],
    [',"dataschema":"/relative"', '/dataschema'],
    [',"datacontenttype":"json"', '/datacontenttype'],
    [',"datacontenttype":"text/plain\\u0000"', '/datacontenttype'],
  ])('with %s is refused at %s', (members, pointer) => {
    const body = envelope(members);
    expect(errorsIn(body).map((error) => error.pointer)).toEqual([pointer]);
  });

  test.each([
    ['{"id":"1","source":"/s","type":"t"}', '/specversion'],
    ['{"specversion":"0.3","id":"1","source":"/s","type":"t"}', '/specversion'],
    ['{"specversion":1.0,"id":"1","source":"/s","type":"t"}', '/specversion'],
    ['{"specversion":"1.0","source":"/s","type":"t"}', '/id'],
    ['{"specversion":"1.0","id":"a b","source":"/s","type":"t"}', '/id'],
    ['{"specversion":"1.0","id":"1","source":"a b","type":"t"}', '/source'],
    ['{"specversion":"1.0","id":"1","source":"%zz","type":"t"}', '/source'],
    ['{"specversion":"1.0","id":"1","source":"","type":"t"}', '/source'],
    ['{"specversion":"1.0","id":"1","source":"/s","type":""}', '/type'],
    ['[]', ''],
    ['"event"', ''],
    ['', ''],
    ['{"specversion":"1.0"', ''],
    ['{"specversion":"1.0","id":"1","source":"/s","type":"t"} x', ''],
    ['\ufeff{"specversion":"1.0","id":"1","source":"/s","type":"t"}', ''],
    ['{"specversion":"1.0","id":"1","source":"/s","type":"t",}', ''],
  ])('as %s is refused at "%s"', (body, pointer) => {
    expect(errorsIn(body).map((error) => error.pointer)).toEqual([pointer]);
  });

  test('is refused for bytes that are not UTF-8, inside data as well', () => {
    for (const place of ['"subject":"\xff"', '"data":"\xed\xa0\x80"', '"\xc0\xaf":"x"']) {
      expect(
        errorsIn(Buffer.from(envelope(',').toString('latin1').replace(',}', `,${place}}`), 'latin1')),
      ).toHaveLength(1);
    }
  });

  test('is refused when its data is nested too deep', () => {
    expect(errorsIn(envelope(`,"data":${'['.repeat(100_000)}`))).toHaveLength(1);
    expect(errorsIn(envelope(`,"data":${'['.repeat(129)}${']'.repeat(129)}`))).toHaveLength(1);
    expect(errorsIn(envelope(`,"data":${'['.repeat(128)}${']'.repeat(128)}`))).toEqual([]);
  });

  test('costs little to refuse, however many attributes or how long they are', () => {
    const members = (value: string) => Array.from({ length: 100_000 }, (_, index) => `"a${index}":${value}`).join(',');
    const bodies = [
      `{${members('null')}}`,
      `{${members('"x"')}}`,
      `{"${'/'.repeat(4_000_000)}":1}`,
      `{"source":"${'%20'.repeat(1_000_000)}"}`,
      `{"datacontenttype":"a/${'; '.repeat(1_000_000)}"}`,
      `{"n":${'1'.repeat(4_000_000)}}`,
    ];
    const start = performance.now();
    for (const body of bodies) {
      const errors = errorsIn(`{"specversion":"1.0",${body.slice(1)}`);
      expect(JSON.stringify(errors).length).toBeLessThan(1000);
    }
    // About 0.1 s; a step that is not linear takes minutes.
    expect(performance.now() - start).toBeLessThan(20_000);
  }, 60_000);

  test('is refused with attributes too long for the headers of a request, but not for long data', () => {
    expect(errorsIn(envelope(`,"ext":"${'x'.repeat(8200)}"`))).toHaveLength(1);
    expect(errorsIn(`{"ext":"${'x'.repeat(8200)}","specversion":"1.0"}`)).toHaveLength(1);
    expect(errorsIn(envelope(`,"data_base64":"${'AAAA'.repeat(10_000)}"`))).toEqual([]);
  });

  test('may call an extension like a member every object has', () => {
    expect(eventIn(envelope(',"constructor":"a"')).extensions).toStrictEqual({ constructor: 'a' });
    expect(errorsIn(envelope(',"constructor":"a","constructor":"b"'))).toHaveLength(1);
  });

  test('is told everything that is wrong, up to a hundred things', () => {
    expect(
      errorsIn('{"specversion":"2","id":7,"source":" ","Type":"t"}')
        .map(({ pointer }) => pointer)
        .toSorted(),
    ).toEqual(['/Type', '/id', '/source', '/specversion', '/type']);
    const many = Array.from({ length: 500 }, (_, index) => `"X${index}":1`).join(',');
    expect(errorsIn(`{${many}}`)).toHaveLength(100);
  });

  test('never throws, whatever the bytes', () => {
    const edit = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(cloudEvent, fc.array(edit, { maxLength: 3 }), (event, edits) => {
        const body = Buffer.from(formatStructured(event));
        for (const [at, byte] of edits) body[at % body.length] = byte;
        const result = parseStructured(body);
        // What is accepted is an event that can be written and read again.
        const isSound =
          result.kind === 'ok'
            ? isDeepStrictEqual(parseStructured(formatStructured(result.value)), result)
            : result.errors.length > 0;
        expect(isSound).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test('does not let a remembered attribute keep the body in memory', () => {
    const collectGarbage = exposedGc();
    const remember = () =>
      eventIn(envelope(`,"ext":"not shorter than a slice","data":"${'x'.repeat(2 ** 18)}"`)).extensions['ext'];
    collectGarbage();
    const before = memoryInUse();
    const remembered = Array.from({ length: 64 }, remember);
    collectGarbage();
    // The bodies are 16 MiB together.
    expect(memoryInUse() - before).toBeLessThan(4 * 2 ** 20);
    expect(remembered).toHaveLength(64);
  });
});

describe('formatStructured', () => {
  const base = { id: '1', source: '/s', type: 't', extensions: {} };

  test('embeds JSON and encodes everything else', () => {
    const write = (datacontenttype: string, data: string) =>
      formatStructured({ ...base, datacontenttype, data: Buffer.from(data) }).toString();
    expect(write('application/json', '{"a":1.0}')).toBe(
      '{"specversion":"1.0","id":"1","source":"/s","type":"t","datacontenttype":"application/json","data":{"a":1.0}}',
    );
    expect(write('text/plain', '"a"')).toContain('"data_base64":"ImEi"');
    expect(formatStructured({ ...base, data: Buffer.from('{}') }).toString()).toContain('"data_base64":"e30="');
  });

  test('does not let data break out of its place', () => {
    const data = Buffer.from('1},"id":"2"');
    const body = formatStructured({ ...base, datacontenttype: 'application/json', data });
    expect(JSON.parse(body.toString())).toMatchObject({ id: '1', data_base64: data.toString('base64') });
  });
});

describe('a batch', () => {
  test('comes back as it was written, in order', () => {
    fc.assert(
      fc.property(fc.array(cloudEvent, { minLength: 1, maxLength: 5 }), (events) => {
        expect(parseBatch(formatBatch(events))).toStrictEqual({ kind: 'ok', value: events });
        expect(joinBatch(events.map(formatStructured))).toEqual(formatBatch(events));
      }),
    );
  });

  const event = '{"specversion":"1.0","id":"1","source":"/s","type":"t"}';
  const pointersIn = (body: string, limits = {}) => {
    const result = parseBatch(Buffer.from(body), limits);
    return result.kind === 'malformed' ? result.errors.map(({ pointer }) => pointer) : [];
  };

  test('points at the wrong event and attribute', () => {
    expect(
      pointersIn(`[${event},{"specversion":"1.0","source":"/s","type":"t"}, 7 ,{"specversion":"1.0","ID":1}]`),
    ).toEqual(['/1/id', '/2', '/3/ID', '/3/id', '/3/source', '/3/type']);
    expect(pointersIn(`[${event},{"specversion":"1.0","id"]`)).toEqual(['/1']);
  });

  test('holds 1 to maxEvents events', () => {
    expect(pointersIn('[ ]')).toEqual(['']);
    expect(pointersIn(`[${event},${event}]`, { maxEvents: 2 })).toEqual([]);
    expect(pointersIn(`[${event},${event},${event}]`, { maxEvents: 2 })).toEqual(['']);
    expect(pointersIn(`[${event},{`, { maxEvents: 1 })).toEqual(['']);
    expect(pointersIn(`[${Array(1001).fill(event).join(',')}]`)).toEqual(['']);
    expect(pointersIn(`[${Array(1000).fill(event).join(',')}]`)).toEqual([]);
  });

  test.each([event, '{}', 'null', '[', `[${event}`, `[${event},]`, `[${event}]]`, `[${event} ${event}]`, ''])(
    'is not %s',
    (body) => {
      expect(pointersIn(body)).toHaveLength(1);
    },
  );

  test('asks for an id by index', () => {
    const body = Buffer.from(`[${event},{"specversion":"1.0"}]`);
    const result = parseBatch(body, {}, { id: (index) => `id-${index}`, source: '/d', type: 'd' });
    expect(result).toMatchObject({ value: [{ id: '1' }, { id: 'id-1', source: '/d', type: 'd' }] });
  });
});

describe('the cloudevents package', () => {
  const attributes = fc.record(
    {
      id: fc.stringMatching(/^[\x21-\x7e]{1,20}$/),
      source: fc.constantFrom('/services/orders', 'https://example.org/a'),
      type: attributeText,
      subject: attributeText,
      time: fc.constant('2026-10-03T10:20:30.000Z'),
      ext: attributeText,
    },
    { requiredKeys: ['id', 'source', 'type', 'time'] },
  );

  const writtenByOracle = (event: Partial<CloudEventV1<unknown>>) =>
    Buffer.from(String(HTTP.structured(new OracleEvent(event)).body));

  test('writes what we read', () => {
    fc.assert(
      fc.property(attributes, fc.jsonValue(), (given, data) => {
        const event = eventIn(writtenByOracle({ ...given, data }));
        const { ext, ...context } = given;
        expect(event).toMatchObject({ ...context, extensions: ext === undefined ? {} : { ext } });
        expect(JSON.parse(String(event.data))).toEqual(JSON.parse(JSON.stringify(data)));
      }),
    );
  });

  test('writes bytes that we read', () => {
    fc.assert(
      fc.property(attributes, fc.uint8Array({ minLength: 1, maxLength: 30 }), (given, data) => {
        const body = writtenByOracle({ ...given, data, datacontenttype: 'application/octet-stream' });
        expect(eventIn(body).data).toEqual(Buffer.from(data));
      }),
    );
  });

  // It takes data such as 0 and "" for absent, so those are left out.
  test('reads what we write', () => {
    const headers = { 'content-type': 'application/cloudevents+json; charset=utf-8' };
    fc.assert(
      fc.property(attributes, fc.jsonValue().filter(Boolean), ({ ext, ...context }, data) => {
        const text = Buffer.from(JSON.stringify(data));
        const extensions: Record<string, string> = ext === undefined ? {} : { ext };
        const event = { ...context, extensions, datacontenttype: 'application/json', data: text };
        const read = HTTP.toEvent<unknown>({ headers, body: formatStructured(event).toString() });
        expect(read).toMatchObject({ ...context, ...extensions });
        expect(JSON.stringify(Array.isArray(read) ? undefined : read.data)).toBe(text.toString());
      }),
    );
  });

  test('reads a batch of ours', () => {
    const events = ['a', 'b'].map((id) => ({ id, source: '/s', type: 't', extensions: {} }));
    const headers = { 'content-type': 'application/cloudevents-batch+json; charset=utf-8' };
    expect(HTTP.toEvent({ headers, body: formatBatch(events).toString() })).toMatchObject([{ id: 'a' }, { id: 'b' }]);
  });
});
