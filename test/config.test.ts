import t from 'tap'
import { defaults, readSettings, Settings } from '../src/config.ts'

const key = Buffer.alloc(32, 7).toString('base64')
const database = { DATABASE_URL: 'postgres://one:secret@db.example/ck', ENCRYPTION_KEYS: key }

/** What is wrong with these settings, one a line. */
const mistakesOf = (environment: Record<string, string>): string[] => {
  try {
    readSettings(environment)
    return []
  } catch (error) {
    return (error as Error).message.split('\n')
  }
}

t.test('nothing need be set', async t => {
  t.match(readSettings({}), {
    HOST: '127.0.0.1',
    PORT: 3000,
    DATABASE_URL: undefined,
    DATA_DIR: '.data',
    LOG_LEVEL: 'info',
    RATE_LIMIT_PER_MINUTE: 600,
    ENCRYPTION_KEYS: [],
    CORS_ORIGINS: [],
    TRUSTED_PROXIES: []
  })
  t.same(readSettings({ PORT: '', LOG_LEVEL: ' ' }), readSettings({}), 'empty is as good as not set')
})

t.test('what is set is read', async t => {
  const settings = readSettings({
    ...database,
    PORT: '0',
    RATE_LIMIT_PER_MINUTE: '0',
    CORS_ORIGINS: 'https://a.example, https://b.example:8443',
    TRUSTED_PROXIES: '10.0.0.0/8,::1,192.0.2.1/32,fd00::/128',
    ENCRYPTION_KEYS: `${key}, ${Buffer.alloc(32, 8).toString('base64')}`,
    PUBLIC_URL: 'https://circle.example/api',
    BOOTSTRAP_API_KEY: `ck_live_${'a'.repeat(32)}`
  })
  t.match(settings, {
    PORT: 0,
    RATE_LIMIT_PER_MINUTE: 0,
    CORS_ORIGINS: ['https://a.example', 'https://b.example:8443'],
    TRUSTED_PROXIES: ['10.0.0.0/8', '::1', '192.0.2.1/32', 'fd00::/128'],
    PUBLIC_URL: 'https://circle.example/api'
  })
  t.equal(settings.ENCRYPTION_KEYS.length, 2)
})

t.test('each mistake is refused by its name, and its value is not repeated', async t => {
  for (const [name, text] of [
    ['PORT', '65536'],
    ['PORT', '3000x'],
    ['PORT', '0x10'],
    ['PORT', '-1'],
    ['DATABASE_URL', 'mysql://one:canary@db/ck'],
    ['LOG_LEVEL', 'loud-canary'],
    ['PUBLIC_URL', 'ftp://canary'],
    ['PUBLIC_URL', 'https://canary.example/'],
    ['CORS_ORIGINS', 'https://canary.example/path'],
    ['CORS_ORIGINS', '*'],
    ['TRUSTED_PROXIES', 'canary.example'],
    ['TRUSTED_PROXIES', '10.0.0.0/99'],
    ['TRUSTED_PROXIES', '10.0.0.0/33'],
    ['TRUSTED_PROXIES', '10.0.0.0/0'],
    ['TRUSTED_PROXIES', '10.0.0.0/'],
    ['TRUSTED_PROXIES', '10.0.0.0/8/8'],
    ['TRUSTED_PROXIES', '10.0.0.0/canary'],
    ['TRUSTED_PROXIES', '::1,fd00::/129'],
    ['ENCRYPTION_KEYS', 'canary'],
    ['ENCRYPTION_KEYS', `${key},canary`],
    ['BOOTSTRAP_API_KEY', 'ck_live_canary'],
    ['BOOTSTRAP_API_KEY', `ck_test_${'a'.repeat(32)}`],
    ['BOOTSTRAP_ORGANIZATION', 'x'.repeat(201)],
    ['RATE_LIMIT_PER_MINUTE', '-5'],
    ['POOL_SIZE', '0'],
    ['BODY_LIMIT_BYTES', '1.5']
  ] as const) {
    const mistakes = mistakesOf({ ...database, [name]: text })
    t.equal(mistakes.length, 1, `${name}=${text}`)
    t.ok(mistakes[0]!.startsWith(`${name} `), mistakes[0]!)
    t.notMatch(mistakes[0], 'canary')
  }
})

t.test('all mistakes are told at once', async t => {
  const names = mistakesOf({ PORT: 'x', LOG_LEVEL: 'x', POOL_SIZE: 'x', DATABASE_URL: 'postgres://db/ck' }).map(
    mistake => mistake.split(' ')[0]
  )
  t.same(names.sort(), ['ENCRYPTION_KEYS', 'LOG_LEVEL', 'POOL_SIZE', 'PORT'])
})

t.test('every setting is described, and every default is a setting', async t => {
  for (const [name, schema] of Object.entries(Settings.properties)) t.ok('description' in schema, name)
  for (const name of Object.keys(defaults)) t.ok(name in Settings.properties, name)
})
