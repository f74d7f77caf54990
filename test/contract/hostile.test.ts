import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { v7 as uuid } from 'uuid'
import { newApiKey } from '../../src/access/api-key.ts'
import { type Client, startApp } from '../support/app.ts'
import { assign, makeGroup, makeMember, makePerson, makeSession, minutesFromNow } from '../support/circle.ts'
import { lookingPastWalls } from '../support/two-organizations.ts'
import { type Answered, type Asked, asker, everything } from './oracles.ts'

/** A name for the report, a request, the status that it must get, and the code or the pointer to its fault. */
type Case = [name: string, asked: Asked, status: number, told?: string]

t.test('hostile input', async t => {
  const service = await startApp(t)
  const superuser = await lookingPastWalls(t, service)
  const admin = await service.organization('Riverside')
  const other = await service.organization('Elsewhere')
  const ask = asker(service, admin.key)
  const group = await makeGroup(admin, { name: 'Evening Circle', slug: 'evening' })
  const foreign = await makeGroup(other, { name: 'Their Circle' })
  const member = await makeMember(admin, group, 'Ana')
  const session = await makeSession(admin, group)
  const sheet = `/v1/sessions/${session}/attendance`
  const narrow = await admin.post('/v1/api-keys', { name: 'Narrow', scopes: ['groups:read'] })

  const post = (url: string, payload: unknown, headers: Record<string, string> = {}): Asked => ({
    method: 'POST',
    url,
    payload: payload as object,
    headers
  })
  /** A body as it is, byte by byte. */
  const raw = (payload: string | Buffer, type = 'application/json', url = '/v1/people'): Asked => ({
    method: 'POST',
    url,
    payload,
    headers: { 'content-type': type }
  })
  const person = (display_name: unknown) => post('/v1/people', { display_name })

  /** Each is refused as it must be, and after all of them every table is as it was. */
  const refused = async (t: Test, cases: Case[]) => {
    const before = await everything(superuser)
    for (const [name, asked, status, told] of cases) {
      const reply = await ask(asked)
      t.equal(reply.statusCode, status, `${name}: ${reply.body.slice(0, 300)}`)
      t.strictSame(reply.faults, [], name)
      if (told !== undefined) t.ok(toldIn(reply).includes(told), `${name}: ${told} in ${toldIn(reply)}`)
      if (status === 422 && reply.data?.code === 'validation_failed') {
        t.ok(
          reply.data.errors.every((fault: { pointer?: string }) => fault.pointer?.startsWith('#')),
          `${name}: every fault has its place`
        )
      }
    }
    t.equal(await everything(superuser), before, 'nothing was changed')
  }

  await t.test('texts that are none', async t => {
    const bad = {
      'a control character': 'a\u0001b',
      'a bell': '\u0007',
      'an escape sequence': '\u001b[31mred',
      'a C1 control': 'a\u0085b',
      'an override of direction': '\u202egnp.exe',
      'an isolate of direction': 'a\u2066b',
      'an Arabic letter mark': 'a\u061cb',
      'a noncharacter': 'a\ufffeb',
      'another noncharacter': 'a\ufdd0b',
      'a noncharacter of a far plane': 'a\u{10ffff}b',
      'only spaces': '   ',
      'only zero-width characters': '\u200b\u200d',
      'an ideographic space': '\u3000',
      nothing: '',
      'a line too many': 'a\nb',
      'a carriage return': 'a\r\nb',
      'a line separator': 'a\u2028b'
    }
    const unreadable = { NUL: 'a\u0000b', 'half a pair': '\ud800', 'the other half': 'a\udc00' }
    const fields: [string, (text: string) => Asked, pointer: string][] = [
      ['person', person, '#/display_name'],
      [
        'external id',
        text => post('/v1/people', { display_name: 'Ana', external_ids: [{ system: 'ehr', value: text }] }),
        '#/external_ids/0/value'
      ],
      ['group', text => post('/v1/groups', { name: text, mode: 'online' }), '#/name'],
      ['place', text => post('/v1/groups', { name: 'A', mode: 'online', location: { city: text } }), '#/location/city'],
      ['audience', text => post('/v1/groups', { name: 'A', mode: 'online', audience: [text] }), '#/audience/0'],
      ['staff', text => post('/v1/staff', { display_name: text, role: 'observer' }), '#/display_name'],
      ['key', text => post('/v1/api-keys', { name: text }), '#/name'],
      [
        'topic',
        text => post(`/v1/groups/${group}/sessions`, { starts_at: minutesFromNow(60), topic: text }),
        '#/topic'
      ],
      [
        'walk-in',
        text => ({ ...post(sheet, { records: [], walk_ins: [{ display_name: text }] }), method: 'PUT' }),
        '#/walk_ins/0/display_name'
      ],
      ['search', text => post('/v1/people/search', { name: text }), '#/name'],
      ['reason', text => post(`/v1/sessions/${session}/cancel`, { reason: text }, { 'if-match': '*' }), '#/reason']
    ]
    const long: [string, (text: string) => Asked, pointer: string][] = [
      ['description', text => post('/v1/groups', { name: 'A', mode: 'online', description: text }), '#/description'],
      [
        'postal address',
        text => post('/v1/people', { display_name: 'Ana', contact: { postal: text } }),
        '#/contact/postal'
      ],
      [
        'note',
        text => ({
          ...post(`${sheet}/notes/${member}`, { text }),
          method: 'PUT'
        }),
        '#/text'
      ]
    ]
    const lines = new Set(['a line too many', 'a line separator'])
    await refused(t, [
      ...[...fields, ...long].flatMap(([field, asked, pointer]): Case[] => [
        ...Object.entries(bad)
          .filter(([what]) => !(lines.has(what) && long.some(([name]) => name === field)))
          .map(([what, text]): Case => [`${field}: ${what}`, asked(text), 422, pointer]),
        ...Object.entries(unreadable).map(
          ([what, text]): Case => [`${field}: ${what}`, asked(text), 400, 'invalid_text']
        )
      ]),
      ['a key with NUL', raw('{"display_name":"Ana","a\\u0000":1}'), 400, 'invalid_text'],
      ['121 characters', person('a'.repeat(121)), 422, '#/display_name'],
      ['121 emoji', person('😀'.repeat(121)), 422, '#/display_name'],
      [
        'a link that is a script',
        post('/v1/groups', { name: 'A', mode: 'online', online_url: 'javascript:alert(1)' }),
        422,
        '#/online_url'
      ],
      [
        'a link in the clear',
        post('/v1/groups', { name: 'A', mode: 'online', online_url: 'http://a.example' }),
        422,
        '#/online_url'
      ],
      [
        'a link with a password',
        post('/v1/groups', { name: 'A', mode: 'online', online_url: 'https://u:p@a.example' }),
        422,
        '#/online_url'
      ]
    ])
  })

  await t.test('texts of all kinds come back as they were sent', async t => {
    const good = [
      '👩‍👩‍👧‍👦 family',
      '🏳️‍🌈',
      'نمی‌خواهم',
      'क्‍ष',
      `Z${'\u0301'.repeat(119)}`,
      'e\u0301le\u0300ve',
      'élève',
      '\u1112\u1161\u11ab',
      'İstanbul ıI',
      'ﬁ ﬀ ſ',
      '１２３',
      '😀'.repeat(120),
      '𝒜𝓃𝒶 𠮷',
      "Robert'); drop table people; --",
      "' or 1=1 --",
      "\\'; select pg_sleep(5) --",
      "'||pg_sleep(5)||'",
      '$1 %s {{7*7}}',
      '%',
      '_',
      '\\',
      '<script>alert(1)</script>',
      '[a](javascript:alert(1))',
      '=1+1',
      '@SUM(A1)',
      '-1',
      '{"level":50}',
      'null',
      'constructor',
      '__proto__',
      'toString',
      '  spaces  around  ',
      '\u00a0a',
      '0'
    ]
    for (const text of good) {
      const kept = text.normalize('NFC')
      const made = await ask(
        post('/v1/people', {
          display_name: text,
          contact: { postal: text },
          external_ids: [{ system: 'ehr', value: text }]
        })
      )
      // NFC and NFD of the same text are the same identifier: the second is taken.
      if (made.statusCode === 409) {
        t.equal(text, 'élève', 'uniqueness is on NFC')
        continue
      }
      t.equal(made.statusCode, 201, `${text}: ${made.body}`)
      const read = await ask({ url: made.headers.location as string })
      for (const reply of [made, read]) {
        t.strictSame(reply.faults, [])
        t.equal(reply.data.display_name, kept)
        t.equal(reply.data.contact.postal, kept)
        t.strictSame(reply.data.external_ids, [{ system: 'ehr', value: kept }])
      }
      const again = await ask({
        method: 'PUT',
        url: `/v1/people/by-external-id/ehr/${encodeURIComponent(text)}`,
        payload: { display_name: text }
      })
      t.equal(again.statusCode, 200, `${text} in a path leads to the same person: ${again.body}`)
      t.equal(again.data.id, made.data.id)
      const put = await ask({
        ...post(sheet, {
          records: [{ person_id: member, status: 'present' }],
          walk_ins: [{ display_name: text }]
        }),
        method: 'PUT',
        headers: { 'if-match': '*' }
      })
      t.equal(put.statusCode, 200, put.body)
      t.equal((await ask({ url: sheet })).data.walk_ins[0].display_name, kept)
      const note = await ask({ ...post(`${sheet}/notes/${member}`, { text }), method: 'PUT' })
      t.equal(note.data?.text, kept, note.body)
      const found = await ask(post('/v1/people/search', { name: text }))
      t.ok(
        found.statusCode === 422 || found.data.data.some(({ id }: { id: string }) => id === made.data.id),
        `${text} is found: ${found.body.slice(0, 200)}`
      )
    }
    const several = await ask({
      ...post('/v1/groups', { name: 'Lines', mode: 'online', description: 'One\nTwo\tThree' })
    })
    t.equal(several.data.description, 'One\nTwo\tThree')
    t.strictSame(Object.hasOwn({}, 'x'), false)
  })

  await t.test('a body that cannot be read', async t => {
    const nested = (depth: number) => `{"display_name":${'['.repeat(depth)}${']'.repeat(depth)}}`
    const bytes = (...codes: number[]) =>
      Buffer.concat([Buffer.from('{"display_name":"'), Buffer.from(codes), Buffer.from('"}')])
    await refused(t, [
      ['invalid UTF-8', raw(bytes(0xff)), 400, 'invalid_encoding'],
      ['a sequence cut off', raw(bytes(0xe2, 0x82)), 400, 'invalid_encoding'],
      ['overlong', raw(bytes(0xc0, 0xaf)), 400, 'invalid_encoding'],
      ['a surrogate as UTF-8', raw(bytes(0xed, 0xa0, 0x80)), 400, 'invalid_encoding'],
      ['beyond Unicode', raw(bytes(0xf4, 0x90, 0x80, 0x80)), 400, 'invalid_encoding'],
      ['UTF-16', raw(Buffer.from('\ufeff{"display_name":"Ana"}', 'utf16le')), 400],
      ['a byte order mark', raw('\ufeff{"display_name":"Ana"}'), 400],
      ['the same key twice', raw('{"display_name":"Ana","display_name":"Ben"}'), 400, 'duplicate_key'],
      [
        'the same key twice, spelled otherwise',
        raw('{"display_name":"Ana","display\\u005fname":"Ben"}'),
        400,
        'duplicate_key'
      ],
      [
        'the same key twice, deep down',
        raw('{"display_name":"Ana","contact":{"email":null,"email":null}}'),
        400,
        'duplicate_key'
      ],
      ['33 levels', raw(nested(32)), 400, 'too_deep'],
      ['10,000 levels', raw(nested(10_000)), 400, 'too_deep'],
      ['100,000 levels', raw(nested(100_000)), 400, 'too_deep'],
      ['100,000 levels that do not end', raw('['.repeat(100_000)), 400, 'too_deep'],
      [
        '100,000 levels where eight megabytes are read',
        raw('['.repeat(500_000), 'application/json', '/v1/imports/meeting-guide'),
        400,
        'too_deep'
      ],
      ['1e400', raw('{"display_name":"Ana","x":1e400}'), 400, 'number_out_of_range'],
      ['a trailing comma', raw('{"display_name":"Ana",}'), 400, 'malformed_json'],
      ['NaN', raw('{"display_name":NaN}'), 400, 'malformed_json'],
      ['a comment', raw('{"display_name":"Ana"/**/}'), 400, 'malformed_json'],
      ['single quotes', raw("{'display_name':'Ana'}"), 400, 'malformed_json'],
      ['two documents', raw('{"display_name":"Ana"}{}'), 400, 'malformed_json'],
      ['half a document', raw('{"display_name":"Ana"'), 400, 'malformed_json'],
      ['a bare control character', raw('{"display_name":"a\u0001b"}'), 400, 'malformed_json'],
      ['a leading zero', raw('{"display_name":"Ana","x":01}'), 400, 'malformed_json'],
      ...['__proto__', 'constructor', 'prototype'].flatMap((key): Case[] => [
        [`the key ${key}`, raw(`{"display_name":"Ana","${key}":{"x":1}}`), 400, 'forbidden_key'],
        [`the key ${key}, within`, raw(`{"display_name":"Ana","contact":{"${key}":{"x":1}}}`), 400, 'forbidden_key']
      ]),
      ...['toString', 'hasOwnProperty', '__defineGetter__'].map(
        (key): Case => [`the key ${key}`, raw(`{"display_name":"Ana","${key}":1}`), 422, `#/${key}`]
      ),
      ['nothing', raw(''), 422],
      ['null', raw('null'), 422],
      ['an array', raw('[]'), 422],
      ['a text', raw('"Ana"'), 422],
      ['a number', raw('7'), 422],
      ['20,000 unknown keys', raw(`{${Array.from({ length: 20_000 }, (_, index) => `"k${index}":1`).join()}}`), 422],
      ['a body where none is read', post(`/v1/groups/${group}/archive`, { reason: 'x' }, { 'if-match': '*' }), 422],
      ['a list where none is read', post(`/v1/groups/${group}/archive`, [], { 'if-match': '*' }), 422],
      ['too large', raw(`{"display_name":"${'a'.repeat(262_144)}"}`), 413, 'payload_too_large'],
      ['no type', { method: 'POST', url: '/v1/people', payload: Buffer.from('{"display_name":"Ana"}') }, 415],
      ...[
        'text/plain',
        'application/x-www-form-urlencoded',
        'multipart/form-data; boundary=x',
        'application/jsonp',
        'application/json; charset=utf-16',
        'application/json; charset=latin1',
        'application/json; charset="utf-7"',
        'application/xml'
      ].map((type): Case => [type, raw('{"display_name":"Ana"}', type), 415, 'unsupported_media_type']),
      ...['gzip', 'br', 'deflate', 'gzip, identity', 'x-unknown'].map(
        (coding): Case => [
          `coded as ${coding}`,
          {
            ...raw(gzipSync(Buffer.alloc(1_000_000, 0x20))),
            headers: { 'content-type': 'application/json', 'content-encoding': coding }
          },
          415,
          'unsupported_media_type'
        ]
      )
    ])
    t.equal(
      (await ask(raw(nested(31).replace('display_name":[', 'display_name":"Ana","x":[')))).statusCode,
      422,
      '32 levels are read'
    )
    t.equal(({} as { x?: number }).x, undefined, 'no prototype was reached')
    t.equal((await ask(person('Ana'))).statusCode, 201)
  })

  await t.test('values of another kind, and fields of others', async t => {
    const wrong: [string, unknown][] = [
      ['null', null],
      ['a number', 7],
      ['true', true],
      ['a list', ['Ana']],
      ['an object', {}]
    ]
    const put = (fields: object): Asked => ({
      ...post(sheet, { records: [{ person_id: member, status: 'present', ...fields }] }),
      method: 'PUT',
      headers: { 'if-match': '*' }
    })
    const numbers = [
      -1,
      1441,
      2 ** 31,
      2 ** 53,
      2 ** 53 + 2,
      2 ** 63,
      1e20,
      1e308,
      1.5,
      '7',
      true,
      [7],
      Number.MIN_VALUE
    ]
    await refused(t, [
      ...wrong.map(([what, value]): Case => [`a name that is ${what}`, person(value), 422, '#/display_name']),
      ...wrong
        .slice(0, 1)
        .map(
          ([what, value]): Case => [
            `a change to ${what}`,
            { ...post(`/v1/people/${member}`, { display_name: value }, { 'if-match': '*' }), method: 'PATCH' },
            422,
            '#/display_name'
          ]
        ),
      ...numbers.map(
        (value): Case => [`minutes ${JSON.stringify(value)}`, put({ minutes: value }), 422, '#/records/0/minutes']
      ),
      ...[-1, 10_001, 2 ** 31, 2 ** 63, 0.5, null, '3'].map(
        (value): Case => [
          `${value} heads`,
          { ...post(sheet, { records: [], anonymous_count: value }), method: 'PUT' },
          422,
          '#/anonymous_count'
        ]
      ),
      ...[0, -1, 2 ** 31, 1e20, 10_001].map(
        (value): Case => [
          `capacity ${value}`,
          post('/v1/groups', { name: 'A', mode: 'online', capacity: value }),
          422,
          '#/capacity'
        ]
      ),
      ...[90.000001, -90.5, 1e308].map(
        (value): Case => [
          `latitude ${value}`,
          post('/v1/groups', { name: 'A', mode: 'online', location: { latitude: value } }),
          422,
          '#/location/latitude'
        ]
      ),
      ...[
        'id',
        'organization_id',
        'version',
        'created_at',
        'updated_at',
        'role',
        'created_by_staff_id',
        'name_key'
      ].flatMap((field): Case[] => [
        [`person.${field}`, post('/v1/people', { display_name: 'Ana', [field]: uuid() }), 422, `#/${field}`],
        [
          `group.${field}`,
          { ...post(`/v1/groups/${group}`, { name: 'A', [field]: uuid() }, { 'if-match': '*' }), method: 'PATCH' },
          422,
          `#/${field}`
        ],
        [
          `session.${field}`,
          post(`/v1/groups/${group}/sessions`, { starts_at: minutesFromNow(60), [field]: uuid() }),
          422,
          `#/${field}`
        ]
      ]),
      [
        'an outcome of one’s own',
        { ...post(`/v1/sessions/${session}`, { outcome: 'held' }, { 'if-match': '*' }), method: 'PATCH' },
        422,
        '#/outcome'
      ],
      ['a secret of one’s own', post('/v1/api-keys', { name: 'A', secret: newApiKey() }), 422, '#/secret'],
      [
        '501 records',
        {
          ...post(sheet, { records: Array.from({ length: 501 }, () => ({ person_id: uuid(), status: 'present' })) }),
          method: 'PUT'
        },
        422,
        '#/records'
      ],
      ['nothing to change', { ...post(`/v1/groups/${group}`, {}, { 'if-match': '*' }), method: 'PATCH' }, 422],
      ['a slug with a newline', post('/v1/groups', { name: 'A', mode: 'online', slug: 'a\n' }), 422, '#/slug']
    ])
    for (const latitude of [0.1 + 0.2, 37.12345678901234, -0, 5e-324, 89.99999999999999]) {
      const made = await ask(
        post('/v1/groups', { name: 'Somewhere', mode: 'online', location: { latitude, longitude: 0 } })
      )
      t.equal(
        (await ask({ url: made.headers.location as string })).data.location.latitude,
        latitude + 0,
        `${latitude} is kept`
      )
    }
    for (const [text, minutes] of [
      ['1.0', 1],
      ['1E2', 100],
      ['-0', 0]
    ] as const) {
      const body = `{"records":[{"person_id":"${member}","status":"present","minutes":${text}}]}`
      const reply = await ask({
        method: 'PUT',
        url: sheet,
        payload: body,
        headers: { 'content-type': 'application/json', 'if-match': '*' }
      })
      t.equal(reply.data?.roster?.[0]?.minutes, minutes, `${text} is an integer: ${reply.body.slice(0, 100)}`)
    }
  })

  await t.test('times and zones', async t => {
    const days = [
      '2026-02-30',
      '2027-02-29',
      '2026-13-01',
      '2026-00-01',
      '2026-1-1',
      '0000-01-01',
      '0001-01-01',
      '1899-12-31',
      '2200-01-01',
      '9999-12-31',
      '10000-01-01',
      '+275760-09-13',
      'infinity',
      'now',
      'epoch',
      '20260501',
      '2026-05-01 ',
      '2026-05-01\n',
      '２０２６-05-01',
      '2026-05-01T00:00:00Z'
    ]
    const instants = [
      '2026-05-01',
      '2026-05-01T18:30:00',
      '2026-05-01T24:00:00Z',
      '2026-05-01T18:60:00Z',
      '2026-05-01T18:30:60Z',
      '2026-05-01T18:30:00+14:01',
      '2026-05-01T18:30:00-23:59',
      '2026-05-01T18:30:00+1400',
      '2026-05-01t18:30:00Z',
      '2026-05-01T18:30:00z',
      '2026-05-01 18:30:00Z',
      '2026-05-01\n18:30:00Z',
      '2026-05-01T18:30:00.1234567891Z',
      '2026-05-01T18:30Z',
      '2026-02-30T00:00:00Z',
      '0000-01-01T00:00:00Z',
      '1899-12-31T23:59:59Z',
      '1900-01-01T00:00:00+14:00',
      '2199-12-31T23:59:59-14:00',
      '2200-01-01T00:00:00Z',
      '10000-01-01T00:00:00Z',
      'infinity',
      'now',
      'epoch',
      '1767225600',
      '2026-05-01T18:30:00[UTC]',
      '2026-05-01T18:30:00 UTC'
    ]
    const zones = [
      'EST',
      'FOO-3',
      '+03:00',
      'Mars/X',
      'europe/berlin',
      'Europe/Berlin ',
      'utc',
      'GMT0',
      'Etc/../UTC',
      '../../etc/passwd',
      'Europe',
      ''
    ]
    const series = (fields: object) =>
      post(`/v1/groups/${group}/series`, {
        starts_on: minutesFromNow(0).slice(0, 10),
        start_time: '19:00',
        rrule: 'FREQ=WEEKLY',
        ...fields
      })
    const url = (path: string, name: string, value: string): Asked => ({
      url: `${path}?${name}=${encodeURIComponent(value)}`
    })
    await refused(t, [
      ...days.flatMap((day): Case[] => [
        [
          `joined on ${day}`,
          post(`/v1/groups/${group}/memberships`, { person_id: member, joined_on: day }),
          422,
          '#/joined_on'
        ],
        [`members on ${day}`, url(`/v1/groups/${group}/memberships`, 'on', day), 400, 'on'],
        [`a series from ${day}`, series({ starts_on: day }), 422, '#/starts_on']
      ]),
      ...instants.flatMap((instant): Case[] => [
        [`a session at ${instant}`, post(`/v1/groups/${group}/sessions`, { starts_at: instant }), 422, '#/starts_at'],
        [`facilitators at ${instant}`, url(`/v1/groups/${group}/facilitators`, 'at', instant), 400, 'at'],
        ...(instant.length === 10
          ? []
          : [[`sessions to ${instant}`, url('/v1/sessions', 'to', instant), 400, 'to'] as Case])
      ]),
      ...zones.flatMap((zone): Case[] => [
        [`the zone ${zone}`, series({ time_zone: zone }), 422, '#/time_zone'],
        [`a group in ${zone}`, post('/v1/groups', { name: 'A', mode: 'online', time_zone: zone }), 422, '#/time_zone']
      ]),
      [
        'a session that ends in 2200',
        post(`/v1/groups/${group}/sessions`, { starts_at: '2199-12-31T23:30:00Z', duration_minutes: 60 }),
        422,
        '#/starts_at'
      ],
      [
        'a session whose day is in 1899',
        post(`/v1/groups/${group}/sessions`, { starts_at: '1900-01-01T00:00:00Z', time_zone: 'America/New_York' }),
        422,
        '#/starts_at'
      ],
      ...['24:00', '19:60', '7:00', '19:00:00', '19.00', '１９:00'].map(
        (time): Case => [`at ${time}`, series({ start_time: time }), 422, '#/start_time']
      ),
      ...[
        'FREQ=SECONDLY',
        'FREQ=YEARLY',
        'FREQ=WEEKLY;COUNT=100000',
        'FREQ=WEEKLY;COUNT=1;UNTIL=20270101',
        'FREQ=WEEKLY;FREQ=DAILY',
        'FREQ=WEEKLY;BYDAY=XX',
        'DTSTART:20260101\nRRULE:FREQ=DAILY',
        'FREQ=DAILY;INTERVAL=0',
        "FREQ=DAILY'; drop table series; --",
        `FREQ=${'A'.repeat(190)}`
      ].map((rrule): Case => [`the rule ${rrule.slice(0, 30)}`, series({ rrule }), 422, '#/rrule'])
    ])
    for (const starts_at of [
      '2028-02-29T12:00:00Z',
      '2026-05-01T18:30:00+14:00',
      '2026-05-01T18:30:00.123456789Z',
      '2026-05-01T18:30:00-13:59'
    ]) {
      const made = await ask(post(`/v1/groups/${group}/sessions`, { starts_at }))
      t.equal(made.statusCode, 201, made.body)
      t.equal(Date.parse(made.data.starts_at), Date.parse(starts_at))
    }
    for (const zone of ['Asia/Calcutta', 'Asia/Kolkata', 'Europe/Kyiv', 'Europe/Kiev', 'UTC']) {
      t.equal(
        (await ask(post('/v1/groups', { name: 'A', mode: 'online', time_zone: zone }))).data.time_zone,
        zone,
        'a name stays as given'
      )
    }
  })

  await t.test('queries', async t => {
    const injections = [
      "'",
      "\\'",
      '";--',
      '1 or 1=1',
      ') union select',
      "'||pg_sleep(5)||'",
      '$1',
      '(case when 1=1 then 1 end)',
      'id;select pg_sleep(5)'
    ]
    const lists = [
      '/v1/groups',
      '/v1/people',
      '/v1/staff',
      '/v1/api-keys',
      '/v1/sessions',
      '/v1/attendance',
      `/v1/groups/${group}/memberships`,
      `/v1/groups/${group}/facilitators`,
      `/v1/groups/${group}/series`,
      `/v1/groups/${group}/sessions`,
      `/v1/people/${member}/memberships`,
      `/v1/people/${member}/attendance`,
      `${sheet}/history`
    ]
    const others = [
      '/v1/me',
      '/v1/organization',
      `/v1/groups/${group}`,
      `/v1/people/${member}`,
      `/v1/sessions/${session}`,
      sheet,
      '/livez',
      '/readyz'
    ]
    const limits = [
      '0',
      '-1',
      '101',
      '1e9',
      '9e99',
      'NaN',
      '1.5',
      '',
      ' 5',
      '0x10',
      '1e1',
      '9223372036854775807',
      '５',
      'null',
      '%00',
      '5%00',
      '[]',
      '2147483648'
    ]
    await refused(t, [
      ...lists.flatMap((list): Case[] => [
        ...(list === '/v1/groups' ? limits : ['101', '0', 'NaN']).map(
          (limit): Case => [`${list} limit=${limit}`, { url: `${list}?limit=${limit}` }, 400, 'limit']
        ),
        [`${list} limit twice`, { url: `${list}?limit=1&limit=2` }, 400, 'limit'],
        [`${list} the same limit twice`, { url: `${list}?limit=1&limit=1` }, 400, 'limit'],
        [`${list} limit[]`, { url: `${list}?limit[]=1` }, 400],
        [`${list} a cursor of nothing`, { url: `${list}?cursor=` }, 400, 'cursor'],
        [`${list} sort`, { url: `${list}?sort=contact_email` }, 400, 'sort'],
        [`${list} fields`, { url: `${list}?fields=contact` }, 400, 'fields'],
        ...injections.map(
          (text): Case => [`${list} cursor=${text}`, { url: `${list}?cursor=${encodeURIComponent(text)}` }, 400]
        )
      ]),
      ...[...lists, ...others].flatMap((path): Case[] => [
        [`${path} unknown`, { url: `${path}?unknown=1` }, 400, 'unknown'],
        [`${path} __proto__`, { url: `${path}?__proto__=1` }, 400],
        [`${path} __proto__[x]`, { url: `${path}?__proto__[x]=1` }, 400],
        [`${path} constructor`, { url: `${path}?constructor[prototype][x]=1` }, 400],
        [`${path} _method`, { url: `${path}?_method=DELETE` }, 400, '_method'],
        [`${path} a key in the query`, { url: `${path}?access_token=${admin.key}` }, 400, 'access_token']
      ]),
      ['unknown beside a body', post('/v1/people?dry_run=1', { display_name: 'Ana' }), 400, 'dry_run'],
      ...injections.flatMap((text): Case[] => [
        [`sort=${text}`, { url: `/v1/groups?sort=${encodeURIComponent(text)}` }, 400, 'sort'],
        [`status=${text}`, { url: `/v1/groups?status=${encodeURIComponent(text)}` }, 400, 'status'],
        [`group_id=${text}`, { url: `/v1/sessions?group_id=${encodeURIComponent(text)}` }, 400, 'group_id'],
        [`path ${text}`, { url: `/v1/groups/${encodeURIComponent(text)}` }, 404]
      ]),
      ['filter[name][$ne]', { url: '/v1/groups?filter[name][$ne]=' }, 400],
      ['q of NUL', { url: '/v1/groups?q=%00' }, 400, 'q'],
      ['q that is not UTF-8', { url: '/v1/groups?q=%ff' }, 400, 'q'],
      ['q overlong', { url: '/v1/groups?q=%c0%af' }, 400, 'q'],
      ['q of 64 KB', { url: `/v1/groups?q=${'a'.repeat(65_536)}` }, 400, 'q'],
      ['q of spaces', { url: '/v1/groups?q=%20%20' }, 400, 'q'],
      ['q with a newline', { url: '/v1/groups?q=a%0d%0ab' }, 400, 'q'],
      ['half a place', { url: '/v1/groups?lat=1&lng=2' }, 400],
      ['a place beyond', { url: '/v1/groups?lat=91&lng=2&km=1' }, 400, 'lat'],
      ['a name that is not UTF-8', { url: '/v1/groups?%ff=1' }, 400],
      [
        'a thousand parameters',
        { url: `/v1/groups?${Array.from({ length: 5000 }, (_, index) => `a${index}=1`).join('&')}` },
        400
      ]
    ])
    for (const name of ['Hundred % Circle', 'Under_score Circle', 'Back\\slash Circle'])
      await makeGroup(admin, { name })
    for (const [q, found] of [
      ['%', ['Hundred % Circle']],
      ['_', ['Under_score Circle']],
      ['\\', ['Back\\slash Circle']],
      ["' or 1=1 --", []],
      ['pg_sleep(5)', []],
      ['evening circle', ['Evening Circle']]
    ] as const) {
      const reply = await ask({ url: `/v1/groups?q=${encodeURIComponent(q)}` })
      t.strictSame(reply.faults, [])
      t.strictSame(
        reply.data.data.map(({ name }: { name: string }) => name),
        found,
        `${q} is taken literally`
      )
    }
    const prefix = await makePerson(admin, '%percent')
    const sought = await ask(post('/v1/people/search', { name: '%p' }))
    t.strictSame(
      sought.data.data.map(({ id }: { id: string }) => id),
      [prefix],
      'a prefix is taken literally'
    )
  })

  await t.test('paths', async t => {
    const id = (spelled: string): Asked => ({ url: `/v1/groups/${spelled}` })
    const compact = group.replaceAll('-', '')
    await refused(t, [
      ...[
        '1',
        'null',
        'undefined',
        '__proto__',
        'constructor',
        'toString',
        `urn:uuid:${group}`,
        `%7B${group}%7D`,
        compact,
        `${group}%20`,
        `%20${group}`,
        `${group};x`,
        `${group}%00`,
        `${group}%0a`,
        '%00',
        '%e2%80%ae',
        '%c0%af',
        '%ff',
        uuid(),
        foreign,
        `${group}%2f`,
        `%2e%2e%2fpeople`,
        'a'.repeat(499),
        'a'.repeat(2000)
      ].map(
        (spelled): Case => [
          `group ${spelled.slice(0, 50)}`,
          id(spelled),
          spelled === '%c0%af' || spelled === '%ff' ? 400 : 404,
          spelled === '%c0%af' || spelled === '%ff' ? 'malformed_url' : 'not_found'
        ]
      ),
      ['not percent-encoded', { url: '/v1/groups/%E0%A4%A' }, 400, 'malformed_url'],
      ['a slash at the end', { url: '/v1/groups/' }, 404],
      ['upper case', { url: '/V1/groups' }, 404],
      ['upper case inside', { url: '/v1/Groups' }, 404],
      ['two slashes', { url: '//v1/groups' }, 404],
      ['two slashes inside', { url: '/v1//groups' }, 404],
      ['up and down', { url: '/v1/people/../groups/x' }, 404],
      ['an encoded slash', { url: `/v1/groups%2f${group}` }, 404],
      ['a matrix parameter', { url: '/v1/groups;a=1' }, 404],
      ...[
        '/v0/groups',
        '/v2/groups',
        '/debug',
        '/metrics',
        '/.git/config',
        '/.env',
        '/swagger',
        '/swagger.json',
        '/admin',
        '/v1',
        '/v1/',
        '/'
      ].map((url): Case => [url, { url, key: null }, 404]),
      ['a group’s session that is another’s', { url: `/v1/groups/${group}/facilitators/${uuid()}` }, 404]
    ])
    t.equal((await ask(id(group.toUpperCase()))).data.id, group, 'upper case is the same object')
    const texts = []
    for (const spelled of [uuid(), foreign, '1', 'null'])
      texts.push(JSON.stringify({ ...(await ask(id(spelled))).data, request_id: '' }))
    t.equal(new Set(texts).size, 1, 'nowhere is nowhere, word for word')
  })

  await t.test('methods', async t => {
    const paths: [string, string[]][] = [
      ['/v1/groups', ['GET', 'HEAD', 'POST']],
      [`/v1/groups/${group}`, ['GET', 'HEAD', 'PATCH']],
      [`/v1/groups/${uuid()}`, ['GET', 'HEAD', 'PATCH']],
      [`/v1/groups/${group}/archive`, ['POST']],
      [sheet, ['GET', 'HEAD', 'PUT']],
      ['/v1/me', ['GET', 'HEAD']],
      ['/livez', ['GET', 'HEAD']]
    ]
    const before = await everything(superuser)
    for (const [url, allowed] of paths) {
      for (const query of ['', '?x=1']) {
        for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND', 'QUERY', 'LOCK']) {
          if (allowed.includes(method)) continue
          const reply = await ask({ method: method as 'GET', url: url + query })
          t.equal(reply.statusCode, 405, `${method} ${url}${query}`)
          t.strictSame(
            String(reply.headers.allow).split(', ').sort(),
            [...allowed, 'OPTIONS'].sort(),
            `${method} ${url}`
          )
          t.strictSame(reply.faults, [])
        }
      }
      const options = await ask({ method: 'OPTIONS', url, key: null })
      t.equal(options.statusCode, 204)
      t.strictSame(String(options.headers.allow).split(', ').sort(), [...allowed, 'OPTIONS'].sort())
    }
    t.equal((await ask({ method: 'OPTIONS', url: '/v1/nothing' })).statusCode, 404)
    for (const url of ['/v1/groups', `/v1/groups/${group}`, sheet, `/v1/groups/${uuid()}`]) {
      const [head, get] = [await ask({ method: 'HEAD', url }), await ask({ url })]
      t.equal(head.statusCode, get.statusCode, `HEAD ${url}`)
      t.equal(head.body, '')
      t.equal(head.headers.etag, get.headers.etag)
      t.strictSame(head.faults, [])
    }
    for (const name of ['x-http-method-override', 'x-http-method', 'x-method-override']) {
      const reply = await ask({ method: 'GET', url: `/v1/groups/${group}`, headers: { [name]: 'PATCH' } })
      t.equal(reply.statusCode, 200, `${name} is ignored`)
      t.equal((await ask({ ...post(`/v1/groups/${group}/archive`, {}), headers: { [name]: 'GET' } })).statusCode, 428)
    }
    t.equal(await everything(superuser), before)
  })

  await t.test('who is asking comes before what is asked, and whether it is there before what is wrong', async t => {
    const facilitator = await service.staff(admin, 'facilitator')
    await assign(admin, group, facilitator.staff_id)
    const notTheirs = await makeGroup(admin, { name: 'Not theirs' })
    const closed = await makeSession(admin, notTheirs)
    const rotten = { payload: '{"', headers: { 'content-type': 'application/json' } }
    const keys: [string, string | undefined][] = [
      ['none', undefined],
      ['nothing', ''],
      ['a scheme', 'Bearer'],
      ['a scheme and space', 'Bearer '],
      ['Basic', `Basic ${Buffer.from(`key:${admin.key}`).toString('base64')}`],
      ['no scheme', admin.key],
      ['another scheme', `Token ${admin.key}`],
      ['two spaces', `Bearer  ${admin.key}`],
      ['unknown', `Bearer ${newApiKey()}`],
      ['truncated', `Bearer ${admin.key.slice(0, -1)}`],
      ['longer', `Bearer ${admin.key}a`],
      ['upper case', `Bearer ${admin.key.toUpperCase()}`],
      ['with a NUL', `Bearer ${admin.key}%00`],
      ['SQL', "Bearer ck_live_' or '1'='1"],
      ['10 KB', `Bearer ck_live_${'a'.repeat(10_000)}`],
      ['two in one', `Bearer ${admin.key}, Bearer ${admin.key}`],
      ['a JWT of nobody', 'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.']
    ]
    const strangers = keys.map(
      ([what, authorization], index): Case => [
        `key: ${what}`,
        {
          method: 'POST',
          url: '/v1/people',
          ...rotten,
          key: null,
          headers: { ...rotten.headers, ...(authorization !== undefined && { authorization }) },
          remoteAddress: `10.1.0.${index}`
        },
        401,
        'unauthorized'
      ]
    )
    const anyone = { key: null, remoteAddress: '10.2.0.1' }
    await refused(t, [
      ...strangers,
      ['a stranger with too much', { ...raw('a'.repeat(300_000)), ...anyone }, 401],
      ['a stranger with a wrong type', { ...raw('a', 'text/xml'), ...anyone }, 401],
      ['a stranger with a wrong query', { url: '/v1/groups?limit=1000&x', ...anyone }, 401],
      ['a stranger at no id', { url: '/v1/groups/1', ...anyone }, 401],
      ['a stranger with a wrong header', { ...post('/v1/people', {}, { 'idempotency-key': '' }), ...anyone }, 401],
      [
        'no scope, and no JSON',
        { method: 'POST', url: '/v1/groups', ...rotten, key: narrow.data.secret },
        403,
        'insufficient_scope'
      ],
      [
        'no scope, and too much',
        { ...raw('a'.repeat(300_000), 'application/json', '/v1/groups'), key: narrow.data.secret },
        403
      ],
      ['no scope, and a wrong query', { url: '/v1/people?limit=1000', key: narrow.data.secret }, 403],
      ['no scope, and no id', { url: '/v1/people/1', key: narrow.data.secret }, 403],
      ...[uuid(), foreign, notTheirs].flatMap((id): Case[] => [
        [
          `no JSON for ${id}`,
          { method: 'PATCH', url: `/v1/groups/${id}`, ...rotten, key: facilitator.key },
          403,
          undefined
        ],
        [
          `no JSON for a session of ${id}`,
          { method: 'POST', url: `/v1/groups/${id}/sessions`, ...rotten, key: facilitator.key },
          404,
          'not_found'
        ],
        [
          `no schema for a session of ${id}`,
          { ...post(`/v1/groups/${id}/sessions`, { starts_at: 7, x: 1 }), key: facilitator.key },
          404,
          'not_found'
        ],
        [
          `a wrong type for ${id}`,
          { ...raw('a', 'text/plain', `/v1/groups/${id}/memberships`), key: facilitator.key },
          404,
          'not_found'
        ],
        [
          `too much for ${id}`,
          { ...raw('a'.repeat(300_000), 'application/json', `/v1/groups/${id}/memberships`), key: facilitator.key },
          404,
          'not_found'
        ],
        [
          `a wrong header for ${id}`,
          {
            ...post(`/v1/groups/${id}/memberships`, { person_id: member }, { 'idempotency-key': 'a b' }),
            key: facilitator.key
          },
          404,
          'not_found'
        ],
        [
          `a wrong query for ${id}`,
          { ...post(`/v1/groups/${id}/memberships?x=1`, { person_id: member }), key: facilitator.key },
          404,
          'not_found'
        ]
      ]),
      [
        'a sheet that is not theirs',
        { method: 'PUT', url: `/v1/sessions/${closed}/attendance`, ...rotten, key: facilitator.key },
        404,
        'not_found'
      ],
      [
        'nobody, for a change of a person',
        { method: 'PATCH', url: `/v1/people/${uuid()}`, ...rotten },
        404,
        'not_found'
      ],
      ['no id, and no JSON', { method: 'PATCH', url: '/v1/people/1', ...rotten }, 404, 'not_found'],
      ['no id, and no If-Match', post('/v1/groups/1/archive', {}), 404, 'not_found'],
      [
        'a person of others for a member',
        post(`/v1/groups/${group}/memberships`, { person_id: await makePerson(other, 'Theirs') }),
        422,
        '#/person_id'
      ],
      ['nobody for a member', post(`/v1/groups/${group}/memberships`, { person_id: uuid() }), 422, '#/person_id']
    ])
  })

  await t.test('expressions take no time to refuse', async t => {
    const long = 50_000
    const texts = [
      `${'a'.repeat(long)}!`,
      `${'a-'.repeat(long / 2)}!`,
      `${'1 '.repeat(long / 2)}x`,
      `a@${'a.'.repeat(long / 2)}`,
      `https://${'a'.repeat(long)} `,
      ' '.repeat(long),
      '\u0301'.repeat(long / 2),
      `${'('.repeat(long)}`
    ]
    for (const text of texts) {
      for (const asked of [
        person(text),
        post('/v1/groups', {
          name: text,
          mode: 'online',
          slug: text,
          topics: [text],
          languages: [text],
          online_url: text,
          online_phone: text,
          time_zone: text
        }),
        post('/v1/people', {
          display_name: 'Ana',
          contact: { email: text, phone: text },
          external_ids: [{ system: text, value: text }]
        }),
        post(`/v1/groups/${group}/series`, { starts_on: text, start_time: text, rrule: text }),
        post(`/v1/groups/${group}/sessions`, { starts_at: text }),
        {
          url: `/v1/groups?topic=${encodeURIComponent(text.slice(0, 4000))}&language=${encodeURIComponent(text.slice(0, 4000))}`
        }
      ] as Asked[]) {
        if (Buffer.byteLength(JSON.stringify(asked.payload ?? '')) > 262_000) continue
        const busy = process.cpuUsage()
        const reply = await ask(asked)
        const { user, system } = process.cpuUsage(busy)
        t.ok([400, 422].includes(reply.statusCode), `${reply.statusCode}`)
        t.strictSame(reply.faults, [])
        t.ok((user + system) / 1000 < 500, `${asked.url} ${text.slice(0, 10)}: ${(user + system) / 1000} ms`)
      }
    }
  })

  await t.test('headers', async t => {
    const keyed = (key: string) => post('/v1/people', { display_name: 'Ana' }, { 'idempotency-key': key })
    const archive = (tag: string) => post(`/v1/groups/${group}/archive`, {}, { 'if-match': tag })
    const change = (headers: Record<string, string>): Asked => ({
      ...post(`/v1/groups/${group}`, { capacity: 12 }, headers),
      method: 'PATCH'
    })
    const { version } = (await ask({ url: `/v1/groups/${group}` })).data
    await refused(t, [
      ...['', ' ', 'a b', 'a'.repeat(256), 'a'.repeat(10_000), 'é', 'a\tb', '\u0080'].map(
        (key): Case => [`Idempotency-Key ${key.slice(0, 10)}`, keyed(key), 400]
      ),
      ['no If-Match', change({}), 428, 'precondition_required'],
      ...[
        `W/"${version}"`,
        `"${version + 1}"`,
        '"0"',
        `${version}`,
        `"${version}", "9"`,
        `"${version}", *`,
        `"${version} "`,
        `"${version}"x`,
        '**',
        'garbage',
        '',
        '""',
        `%0d%0a"${version}"`,
        `"${version}"\u00e9`
      ].flatMap((tag): Case[] => [
        [`If-Match ${tag}`, change({ 'if-match': tag }), 412, 'precondition_failed'],
        [`If-Match ${tag} of an action`, archive(tag), 412, 'precondition_failed']
      ]),
      ['If-Match of 10 KB', change({ 'if-match': `"${'1'.repeat(10_000)}"` }), 400, 'if-match'],
      ['another resource’s tag', change({ 'if-match': `"${version + 7}"` }), 412]
    ])
    const stale = await ask(change({ 'if-match': '"0"' }))
    t.equal(stale.headers.etag, `"${version}"`, 'a 412 tells the version that it has')
    for (const tag of [`"${version}"`, '*']) t.equal((await ask(change({ 'if-match': tag }))).statusCode, 200, tag)

    for (const [given, kept] of [
      ['abcdefgh', true],
      ['A-b.c_123', true],
      ['a'.repeat(64), true],
      ['a'.repeat(65), false],
      ['short', false],
      ['', false],
      ['a b c d e f', false],
      ['{"level":50}', false],
      ['\u001b[31m12345', false],
      ['%0d%0aSet-Cookie: a=1', false],
      ['é'.repeat(10), false],
      ['a'.repeat(10_000), false]
    ] as const) {
      const reply = await ask({ url: '/v1/nothing', headers: { 'x-request-id': given } })
      t.equal(reply.headers['x-request-id'] === given, kept, `X-Request-Id ${given.slice(0, 20)}`)
      t.strictSame(reply.faults, [])
    }
    for (const headers of [
      { accept: 'text/html' },
      { accept: '*/*;q=0' },
      { accept: 'a'.repeat(5000) },
      { 'accept-language': '%0d%0a' },
      { prefer: 'x'.repeat(5000) },
      { 'accept-encoding': 'gzip, br' },
      { cookie: 'a=1; __proto__=1' },
      { te: 'trailers' }
    ] as Record<string, string>[]) {
      const reply = await ask({ url: `/v1/groups/${group}`, headers })
      t.equal(reply.statusCode, 200, JSON.stringify(headers).slice(0, 60))
      t.match(reply.headers['content-type'], /^application\/json/)
      t.equal(reply.headers['content-encoding'], undefined, 'nothing secret is compressed beside what was sent')
      t.equal(reply.data.id, group)
      t.strictSame(reply.faults, [])
    }
    const elsewhere = await ask({
      url: '/v1/groups?limit=1',
      headers: {
        host: 'evil.example',
        'x-forwarded-host': 'evil.example',
        'x-forwarded-proto': 'https',
        forwarded: 'host=evil.example'
      }
    })
    t.notMatch(JSON.stringify(elsewhere.headers) + elsewhere.body, 'evil', 'no link is made of what the request says')
    t.match(elsewhere.headers.link, /^<\/v1\/groups\?/)
  })

  await t.test('the same request twice', async t => await idempotency(t, { admin, other }))
  await t.test('cursors', async t => await cursors(t, { admin, other }))

  async function idempotency(t: Test, { admin, other }: { admin: Client; other: Client }) {
    const key = 'a'.repeat(255)
    const asked = post('/v1/people', { display_name: 'Once' }, { 'idempotency-key': key })
    const first = await ask(asked)
    const again = await ask(asked)
    t.equal(first.statusCode, 201)
    t.equal(first.headers['idempotency-replayed'], undefined)
    t.equal(again.headers['idempotency-replayed'], 'true')
    for (const name of ['location', 'etag', 'content-type', 'cache-control'])
      t.equal(again.headers[name], first.headers[name], name)
    t.equal(again.statusCode, first.statusCode)
    t.equal(again.body, first.body)
    t.strictSame([...first.faults, ...again.faults], [])

    await refused(t, [
      [
        'another body',
        post('/v1/people', { display_name: 'Twice' }, { 'idempotency-key': key }),
        422,
        'idempotency_key_reused'
      ],
      [
        'another path',
        post('/v1/groups', { name: 'Once', mode: 'online' }, { 'idempotency-key': key }),
        422,
        'idempotency_key_reused'
      ],
      [
        'another method',
        {
          ...post(sheet, { records: [], anonymous_count: 77 }, { 'idempotency-key': key, 'if-match': '*' }),
          method: 'PUT'
        },
        422,
        'idempotency_key_reused'
      ]
    ])
    const [one, another] = [await makeGroup(admin), await makeGroup(admin)]
    const archive = (id: string) =>
      post(`/v1/groups/${id}/archive`, undefined, { 'idempotency-key': 'archive', 'if-match': '*' })
    t.equal((await ask(archive(one))).statusCode, 200)
    await refused(t, [
      ['the same of another object', archive(another), 422, 'idempotency_key_reused'],
      [
        'the same of another object, with nothing for a body',
        { ...archive(another), payload: {} },
        422,
        'idempotency_key_reused'
      ]
    ])
    const second = await admin.post('/v1/api-keys', { name: 'Second' })
    const owners = [second.data.secret, other.key]
    for (const owner of owners) {
      const reply = await ask({ ...asked, key: owner })
      t.equal(reply.statusCode, 201, 'the key of somebody else is another key')
      t.equal(reply.headers['idempotency-replayed'], undefined)
      t.not(reply.data.id, first.data.id)
    }

    const retried = (display_name: unknown) =>
      post('/v1/people', { display_name }, { 'idempotency-key': 'refused-first' })
    t.equal((await ask(retried(7))).statusCode, 422)
    const mended = await ask(retried('Mended'))
    t.equal(mended.statusCode, 201, 'a refusal uses no key up')
    t.equal(mended.headers['idempotency-replayed'], undefined)
    const clash = (slug: string) =>
      post('/v1/groups', { name: 'Clash', mode: 'online', slug }, { 'idempotency-key': 'clash' })
    t.equal((await ask(clash('evening'))).statusCode, 409, 'nor does one that only the database knew of')
    t.equal((await ask(clash('evening-two'))).statusCode, 201)

    const made = post('/v1/api-keys', { name: 'Shown once' }, { 'idempotency-key': 'secret' })
    const [shown, repeated] = [await ask(made), await ask(made)]
    t.match(shown.data.secret, /^ck_live_/)
    t.equal(repeated.data.secret, shown.data.secret, 'a retry after a lost answer gets the secret')
    t.equal(repeated.headers['cache-control'], 'no-store')
    const { rows } = await superuser.query(
      'select encode(answer_sealed, $1) as hex, k::text as row from idempotency_keys k',
      ['hex']
    )
    const stored = rows.map(({ hex, row }) => Buffer.from(hex ?? '', 'hex').toString('latin1') + row).join('\n')
    t.ok(rows.length > 3)
    for (const secret of [shown.data.secret, shown.data.secret.slice(8, 30), 'Once', first.data.id])
      t.notOk(stored.includes(secret), 'no answer is kept in the clear')

    const race = post('/v1/people', { display_name: 'Racer' }, { 'idempotency-key': 'race' })
    const racers = await Promise.all(Array.from({ length: 12 }, () => ask(race)))
    t.strictSame([...new Set(racers.map(reply => reply.statusCode))], [201])
    t.equal(racers.filter(reply => reply.headers['idempotency-replayed'] === undefined).length, 1, 'one effect')
    t.equal(new Set(racers.map(reply => reply.data.id)).size, 1)
  }

  async function cursors(t: Test, { admin, other }: { admin: Client; other: Client }) {
    for (const [client, label] of [
      [admin, 'Ours'],
      [other, 'Theirs']
    ] as const) {
      for (let number = 0; number < 4; number++) {
        await makeGroup(client, { name: `${label} ${number}`, slug: `cursor-${label.toLowerCase()}-${number}` })
        await makePerson(client, `${label} ${number}`)
      }
    }
    const list = '/v1/groups?q=ours&limit=1'
    const { next_cursor } = (await ask({ url: list })).data.page
    const goOn = (cursor: string, url = list, key = admin.key): Asked => ({
      url: `${url}&cursor=${encodeURIComponent(cursor)}`,
      key
    })
    t.equal((await ask(goOn(next_cursor))).data.data[0].name, 'Ours 1')
    t.match((await ask({ url: list })).headers.link, `cursor=${encodeURIComponent(next_cursor)}`)

    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const flipped = [...next_cursor].map((character, index) => {
      const place = alphabet.indexOf(character)
      const instead = place === -1 ? 'A' : alphabet[(place ^ 1) % 64]
      return `${next_cursor.slice(0, index)}${instead}${next_cursor.slice(index + 1)}`
    })
    const [position, mac] = next_cursor.split('.')
    const edited = Buffer.from(JSON.stringify(['ours 9', uuid()])).toString('base64url')
    const theirs = (await ask({ url: '/v1/groups?q=ours&limit=1'.replace('ours', 'theirs'), key: other.key })).data.page
      .next_cursor
    const people = (await ask({ url: '/v1/people?limit=1' })).data.page.next_cursor
    const all = (await ask({ url: '/v1/groups?limit=1' })).data.page.next_cursor
    const status = (await ask({ url: '/v1/groups?q=ours&limit=1&status=active' })).data.page.next_cursor
    const bad: [string, string][] = [
      ...flipped.map((cursor, index): [string, string] => [`byte ${index}`, cursor]),
      ...Array.from({ length: next_cursor.length - 1 }, (_, length): [string, string] => [
        `${length + 1} characters of it`,
        next_cursor.slice(0, length + 1)
      ]),
      ['edited', `${edited}.${mac}`],
      ['without a signature', position!],
      ['with nothing for a signature', `${position}.`],
      ['another spelling', `${position}=.${mac}`],
      ['another spelling of the signature', `${position}.${mac}=`],
      ['with more behind', `${next_cursor}.x`],
      ['with space behind', `${next_cursor} `],
      ['of another list', people],
      ['of another filter', all],
      ['of one filter more', status],
      ['of another organization', theirs],
      ['10 KB', 'a'.repeat(10_240)],
      ['JSON', '["ours 0","x"]'],
      ['SQL', "' or 1=1 --"]
    ]
    await refused(
      t,
      bad.map(([what, cursor]): Case => [`a cursor, ${what}`, goOn(cursor), 400, 'cursor'])
    )
    await refused(t, [
      ['another organization with ours', goOn(next_cursor, list, other.key), 400, 'invalid_cursor'],
      ['our cursor for people', { url: `/v1/people?cursor=${next_cursor}` }, 400, 'invalid_cursor'],
      [
        'our cursor in a group',
        { url: `/v1/groups/${group}/memberships?cursor=${next_cursor}` },
        400,
        'invalid_cursor'
      ],
      ['twice', { url: `${list}&cursor=${next_cursor}&cursor=${next_cursor}` }, 400, 'cursor']
    ])
    await superuser.query("delete from groups where slug = 'cursor-ours-0'")
    const after = await ask(goOn(next_cursor))
    t.equal(after.data.data[0].name, 'Ours 1', 'a cursor whose row is gone still works')
    t.strictSame(after.faults, [])
  }
})

/** The code, the places and the parameters that a refusal names. */
function toldIn({ data }: Answered): string[] {
  const faults = (data?.errors ?? []) as { pointer?: string; parameter?: string; code: string }[]
  return [data?.code, ...faults.flatMap(({ pointer, parameter, code }) => [pointer, parameter, code])].filter(
    told => told !== undefined
  )
}

t.test('what is written to the log is one line of JSON for each request', async t => {
  const service = await startApp(t)
  const admin = await service.organization()
  service.log.length = 0
  const evil = '\u001b[2J{"level":50,"msg":"forged"}'
  let asked = 0
  for (const headers of [
    { 'user-agent': evil },
    { 'x-request-id': evil },
    { 'x-forwarded-for': evil },
    { referer: evil }
  ] as Record<string, string>[]) {
    for (const [method, url, payload] of [
      ['GET', `/v1/groups?q=${encodeURIComponent(evil.slice(4))}`],
      ['GET', `/${encodeURIComponent(evil)}`],
      ['POST', '/v1/people', { display_name: `${evil.slice(4)} canary` }],
      ['POST', '/v1/people', { display_name: `${evil} canary` }]
    ] as const) {
      await admin.request({ method, url, headers, ...(payload !== undefined && { payload }) })
      asked++
    }
  }
  const lines = service.log
    .join('')
    .split('\n')
    .filter(line => line !== '')
  t.equal(lines.length, asked)
  for (const line of lines) {
    t.equal(JSON.parse(line).msg, 'answered')
    t.notMatch(line, /forged|canary/)
    t.notOk(
      [...line].some(character => character < ' '),
      'no control character'
    )
  }
})

t.test('pages of other origins', async t => {
  const allowed = 'https://app.allowed.example'
  const service = await startApp(t, { CORS_ORIGINS: allowed })
  const admin = await service.organization()
  const ask = asker(service, admin.key)
  const granted = await ask({ url: '/v1/groups', headers: { origin: allowed } })
  t.equal(granted.headers['access-control-allow-origin'], allowed)
  t.equal(granted.headers['access-control-allow-credentials'], undefined)
  t.match(granted.headers['access-control-expose-headers'], /ETag/)
  const preflight = { method: 'OPTIONS', url: '/v1/groups', key: null } as const
  const before = await ask({
    ...preflight,
    headers: {
      origin: allowed,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization'
    }
  })
  t.equal(before.statusCode, 204)
  t.equal(before.headers['access-control-allow-origin'], allowed)
  const { paths } = (await service.app.inject('/openapi.json')).json()
  const used = new Set(Object.values<object>(paths).flatMap(path => Object.keys(path)))
  const letIn = String(before.headers['access-control-allow-methods']).toLowerCase().split(/, */)
  for (const method of ['get', 'put', 'patch', 'post', 'delete'].filter(method => used.has(method))) {
    t.ok(letIn.includes(method), `a page may ${method}`)
  }
  for (const origin of [
    'https://evil.example',
    'null',
    `${allowed}.evil.example`,
    `${allowed}:8443`,
    'http://app.allowed.example',
    'https://evil.example/app.allowed.example',
    'https://APP.allowed.example',
    '*',
    `${allowed}/`,
    `${allowed} `
  ]) {
    for (const headers of [{ origin }, { origin, 'access-control-request-method': 'POST' }] as Record<
      string,
      string
    >[]) {
      const reply = await ask({ ...(Object.keys(headers).length === 2 ? preflight : { url: '/v1/groups' }), headers })
      const given = reply.headers['access-control-allow-origin']
      t.not(given, '*')
      t.not(given, origin, `${origin} is not let in`)
      t.equal(reply.headers['access-control-allow-credentials'], undefined)
    }
  }
  const refusedToo = await ask({ url: '/v1/groups?limit=0', headers: { origin: allowed } })
  t.equal(refusedToo.headers['access-control-allow-origin'], allowed, 'a page may read why it was refused')

  const without = await startApp(t, {}, service)
  const reply = await asker(without, admin.key)({ url: '/v1/groups', headers: { origin: allowed } })
  t.equal(reply.headers['access-control-allow-origin'], undefined, 'nobody, unless told')
})

t.test('who fails to sign in is known by address, and by what a proxy says only if it is trusted', async t => {
  const untrusting = await startApp(t)
  const trusting = await startApp(t, { TRUSTED_PROXIES: '127.0.0.0/8' }, untrusting)
  const admin = await untrusting.organization()
  const guess = async ({ app }: typeof untrusting, address: string, remoteAddress: string) => {
    const headers = {
      authorization: `Bearer ${newApiKey()}`,
      'x-forwarded-for': address,
      'x-real-ip': address,
      forwarded: `for=${address}`
    }
    return (await app.inject({ url: '/v1/me', headers, remoteAddress })).statusCode
  }
  const statuses = async (service: typeof untrusting, remoteAddress: string) => {
    const seen = []
    for (let number = 0; number < 40; number++) seen.push(await guess(service, `203.0.113.${number}`, remoteAddress))
    return seen
  }
  t.ok((await statuses(untrusting, '127.0.0.1')).includes(429), 'other addresses in a header are no other addresses')
  t.notOk((await statuses(trusting, '127.0.0.1')).includes(429), 'behind a trusted proxy they are')
  t.ok((await statuses(trusting, '198.51.100.7')).includes(429), 'not from whom is no such proxy')
  t.equal(
    (await untrusting.client(admin.key, admin.organization_id).get('/v1/me')).statusCode,
    200,
    'a good key from there goes on'
  )
})

t.test('what is hardly HTTP', async t => {
  const service = await startApp(t)
  const admin = await service.organization()
  await service.app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = service.app.server.address() as AddressInfo
  /** Writes bytes and reads until the other side closes, or has said enough. */
  const talk = async (text: string | Buffer, patience = 2500) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    await once(socket, 'connect')
    let answer = ''
    socket.setEncoding('latin1').on('data', chunk => {
      answer += chunk
    })
    socket.write(text)
    const timer = setTimeout(() => socket.destroy(), patience)
    await once(socket, 'close')
    clearTimeout(timer)
    return answer
  }
  const auth = `Authorization: Bearer ${admin.key}`
  const head = (first: string, ...lines: string[]) => [first, ...lines, '', ''].join('\r\n')
  const close = 'Connection: close'
  const body = '{"display_name":"Smuggled"}'
  const json = 'Content-Type: application/json'
  const broken: [string, string | Buffer, RegExp][] = [
    [
      'length and chunks',
      head(
        'POST /v1/people HTTP/1.1',
        'Host: x',
        auth,
        json,
        `Content-Length: ${body.length}`,
        'Transfer-Encoding: chunked'
      ) + body,
      /^HTTP\/1.1 400 /
    ],
    [
      'two lengths',
      head('POST /v1/people HTTP/1.1', 'Host: x', auth, json, 'Content-Length: 27', 'Content-Length: 5') + body,
      /^HTTP\/1.1 400 /
    ],
    [
      'a negative length',
      head('POST /v1/people HTTP/1.1', 'Host: x', auth, json, 'Content-Length: -1'),
      /^HTTP\/1.1 400 /
    ],
    [
      'a length of 1e3',
      head('POST /v1/people HTTP/1.1', 'Host: x', auth, json, 'Content-Length: 1e3'),
      /^HTTP\/1.1 400 /
    ],
    [
      'a strange coding',
      head('POST /v1/people HTTP/1.1', 'Host: x', auth, json, 'Transfer-Encoding: chunked, identity') + body,
      /^HTTP\/1.1 400 /
    ],
    [
      'a space before the colon',
      head('GET /v1/me HTTP/1.1', 'Host: x', `Authorization : Bearer ${admin.key}`),
      /^HTTP\/1.1 400 /
    ],
    ['a folded header', head('GET /v1/me HTTP/1.1', 'Host: x', auth, 'X-A: b', ' c'), /^HTTP\/1.1 400 /],
    ['NUL in a header', head('GET /v1/me HTTP/1.1', 'Host: x', auth, 'X-A: b\0c'), /^HTTP\/1.1 400 /],
    ['a bare return', `GET /v1/me HTTP/1.1\r\nHost: x\r\n${auth}\r\nX-A: b\rc\r\n\r\n`, /^HTTP\/1.1 400 /],
    ['no host', head('GET /v1/me HTTP/1.1', auth), /^HTTP\/1.1 400 /],
    ['no method', head('FROB /v1/me HTTP/1.1', 'Host: x', auth), /^HTTP\/1.1 400 /],
    ['no protocol', head('GET /v1/me', 'Host: x'), /^HTTP\/1.1 4\d\d /],
    [
      'raw bytes in the path',
      Buffer.from(head('GET /v1/gr\xffoups HTTP/1.1', 'Host: x', auth, close), 'latin1'),
      /^HTTP\/1.1 4\d\d /
    ],
    ['TLS', Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01]), /^HTTP\/1.1 400 /],
    ['a head of 20 KB', head('GET /v1/me HTTP/1.1', 'Host: x', auth, `X-A: ${'a'.repeat(20_000)}`), /^HTTP\/1.1 431 /],
    [
      '10 GB',
      head('POST /v1/people HTTP/1.1', 'Host: x', auth, json, 'Content-Length: 10000000000', close) + body,
      /^HTTP\/1.1 413 /
    ]
  ]
  const people = async () => (await service.look('select count(*)::int as count from people'))[0].count
  const before = await people()
  await Promise.all(
    broken.map(async ([what, bytes, expected]) => {
      const answer = await talk(bytes)
      t.match(answer, expected, what)
      // Without a host, Node itself answers, with no body at all.
      if (what !== 'no host') {
        t.match(answer, /application\/problem\+json/, what)
        t.match(answer, /\r\nx-request-id: [\w.-]{8,64}\r\n/i, what)
        t.match(answer, /\r\nx-content-type-options: nosniff\r\n/i, what)
      }
      t.notMatch(answer, /Parse Error|HPE_|node_modules/, what)
    })
  )
  t.equal(await people(), before, 'nobody was smuggled in')

  const ask = (first: string, ...lines: string[]) => talk(head(first, 'Host: x', close, ...lines))
  const statusOf = (answer: string) => Number(answer.slice(9, 12))
  t.equal(statusOf(await ask('GET /v1/me HTTP/1.1', auth)), 200, 'this is how it is done')
  t.equal(
    statusOf(await ask('GET /v1/me HTTP/1.1', auth, `Authorization: Bearer ${newApiKey()}`)),
    401,
    'a good key and another one'
  )
  t.equal(statusOf(await ask('GET /v1/me HTTP/1.1', auth, auth)), 401, 'the same key twice')
  t.equal(
    statusOf(await ask('GET /v1/me HTTP/1.1', `Authorization: Bearer ${newApiKey()}`, auth)),
    401,
    'another one and a good key'
  )
  const keyed = (...lines: string[]) =>
    talk(
      head('POST /v1/people HTTP/1.1', 'Host: x', close, auth, json, `Content-Length: ${body.length}`, ...lines) + body
    )
  t.equal(statusOf(await keyed('Idempotency-Key: a', 'Idempotency-Key: b')), 400, 'two idempotency keys')
  t.equal(statusOf(await keyed('Idempotency-Key:')), 400, 'an empty one')
  const made = await makeGroup(admin)
  const change = (...lines: string[]) =>
    talk(
      head(`PATCH /v1/groups/${made} HTTP/1.1`, 'Host: x', close, auth, json, 'Content-Length: 14', ...lines) +
        '{"capacity":7}'
    )
  t.equal(statusOf(await change('If-Match: "1"', 'If-Match: "2"')), 412, 'two tags')
  t.equal(statusOf(await change('If-Match: "1"', 'If-Match: "1"')), 412, 'the same tag twice')
  const twoIds = await ask('GET /v1/me HTTP/1.1', auth, 'X-Request-Id: aaaaaaaaaa', 'X-Request-Id: bbbbbbbbbb')
  t.notMatch(twoIds, /aaaaaaaaaa|bbbbbbbbbb/, 'two request ids are none')
  for (const path of [
    '/v1/groups/%2e%2e/people',
    '/v1/groups/../people',
    '/v1/./people',
    '/v1/people/%2e',
    '/v1\\people'
  ]) {
    t.equal(statusOf(await ask(`GET ${path} HTTP/1.1`, auth)), 404, path)
  }
  const absolute = await ask('GET http://evil.example/v1/groups?limit=1 HTTP/1.1', auth)
  t.notMatch(absolute, /evil/, 'no link leads where an absolute target said')
  for (const method of ['QUERY', 'PROPFIND', 'TRACE']) {
    const answer = await ask(`${method} /v1/groups HTTP/1.1`, auth)
    t.match(answer, /^HTTP\/1.1 (405|400) /, method)
    if (method !== 'QUERY') t.match(answer, /allow: GET, HEAD, POST, OPTIONS/i, method)
  }
  t.notMatch(await ask('TRACE /v1/groups HTTP/1.1', auth), admin.key, 'nothing is echoed')
  t.match(
    await ask('GET /v1/me HTTP/1.1', auth, 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA'),
    /^HTTP\/1.1 200 /
  )
  t.match(await ask('GET /v1/me HTTP/1.1', auth, 'Expect: bogus'), /^HTTP\/1.1 417 /)
  t.equal((await admin.get('/v1/me')).statusCode, 200, 'and goes on')
})
