import { isIP } from 'node:net'
import { Ajv } from 'ajv'
import { type Static, Type } from 'typebox'
import { apiKeyPattern } from './access/api-key.ts'

const whole = (minimum: number, maximum: number, description: string) => Type.Integer({ minimum, maximum, description })

/** The settings, as the environment names them. Lists are separated by commas. */
export const Settings = Type.Object({
  HOST: Type.String({ minLength: 1, description: 'The address to listen on.' }),
  PORT: whole(0, 65_535, 'The port to listen on; 0 for any free one.'),
  DATABASE_URL: Type.Optional(
    Type.String({
      pattern: '^postgres(ql)?://',
      description: 'PostgreSQL 15 to 18. Without it, an embedded server is started.'
    })
  ),
  DATA_DIR: Type.String({
    minLength: 1,
    description:
      'Where the embedded server keeps its data; for root a name only, of a directory under /var/lib/circlekeeper.'
  }),
  LOG_LEVEL: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    description: 'What is logged, as JSON lines on stdout.'
  }),
  PUBLIC_URL: Type.Optional(
    Type.String({
      pattern: '^https?://[^/?#\\s]+(/[^?#\\s]*[^/?#\\s])?$',
      description: 'Where clients reach the service, without a slash at the end; for links.'
    })
  ),
  CORS_ORIGINS: Type.Array(Type.String({ pattern: '^https?://[^/?#\\s]+$' }), {
    description: 'Origins whose pages may call the API, e.g. `https://app.example.org`.'
  }),
  TRUSTED_PROXIES: Type.Array(Type.String({ minLength: 1 }), {
    description: 'Addresses or networks of proxies whose X-Forwarded-For is believed, e.g. `10.0.0.0/8`.'
  }),
  ENCRYPTION_KEYS: Type.Array(Type.String({ pattern: '^[A-Za-z0-9+/]{43}=$' }), {
    description: '32 bytes each in base64; the first encrypts, all decrypt. Required with DATABASE_URL.'
  }),
  BOOTSTRAP_ORGANIZATION: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 200,
      description: 'The name of the organization made on the very first start.'
    })
  ),
  BOOTSTRAP_API_KEY: Type.Optional(
    Type.String({
      pattern: apiKeyPattern,
      description: 'The administrator key of that organization, instead of a random one.'
    })
  ),
  RATE_LIMIT_PER_MINUTE: whole(0, 1_000_000, 'Requests per key and minute; 0 turns the limit off.'),
  POOL_SIZE: whole(1, 200, 'Connections to the database.'),
  CONNECT_TIMEOUT_MS: whole(100, 60_000, 'To get a connection to the database.'),
  STATEMENT_TIMEOUT_MS: whole(100, 600_000, 'For one statement.'),
  LOCK_TIMEOUT_MS: whole(100, 60_000, 'To wait for a row that somebody else is changing.'),
  REQUEST_TIMEOUT_MS: whole(1000, 600_000, 'To receive a request whole.'),
  SHUTDOWN_DELAY_MS: whole(0, 60_000, 'Between saying "not ready" and closing, so that load balancers notice.'),
  BODY_LIMIT_BYTES: whole(
    1024,
    16_777_216,
    'The largest body, but for imports (8 MiB) and batches from devices (4 MiB).'
  ),
  SESSION_HORIZON_DAYS: whole(1, 731, 'How many days ahead the sessions of series exist before anybody asks for them.'),
  AUDIT_KEEP_DAYS: whole(1, 36_500, 'How long audit rows are kept.'),
  OUTBOX_KEEP_DAYS: whole(1, 3650, 'How long outbox events are kept.')
})
export type Settings = Static<typeof Settings>

export const defaults: Record<string, string> = {
  HOST: '127.0.0.1',
  PORT: '3000',
  DATA_DIR: '.data',
  LOG_LEVEL: 'info',
  CORS_ORIGINS: '',
  TRUSTED_PROXIES: '',
  ENCRYPTION_KEYS: '',
  RATE_LIMIT_PER_MINUTE: '600',
  POOL_SIZE: '10',
  CONNECT_TIMEOUT_MS: '2000',
  STATEMENT_TIMEOUT_MS: '5000',
  LOCK_TIMEOUT_MS: '2000',
  REQUEST_TIMEOUT_MS: '10000',
  SHUTDOWN_DELAY_MS: '500',
  BODY_LIMIT_BYTES: '262144',
  SESSION_HORIZON_DAYS: '90',
  // Six years: what 45 CFR 164.316(b)(2) asks of documentation.
  AUDIT_KEEP_DAYS: '2192',
  OUTBOX_KEEP_DAYS: '30'
}

// typebox has a compiler too: three hundred files more to read at each start.
const asTheyMustBe = new Ajv({ allErrors: true, meta: false, validateSchema: false }).compile(Settings)

interface Described {
  description: string
  enum?: string[]
  pattern?: string
}

/**
 * Reads the settings from the environment.
 * @throws Error that names every mistake at once, one a line, and repeats no value
 */
export function readSettings(environment: Record<string, string | undefined>): Settings {
  const given: Record<string, unknown> = {}
  for (const [name, schema] of Object.entries(Settings.properties)) {
    const text = environment[name]?.trim() || defaults[name]
    if (text === undefined) continue
    const { type } = schema as { type?: string }
    if (type === 'integer') given[name] = /^-?\d+$/.test(text) ? Number(text) : text
    else if (type === 'array')
      given[name] = text
        .split(',')
        .map(item => item.trim())
        .filter(item => item !== '')
    else given[name] = text
  }

  const mistakes = new Set<string>()
  asTheyMustBe(given)
  for (const { instancePath, params } of asTheyMustBe.errors ?? []) {
    const name: string = instancePath.split('/')[1] ?? params.missingProperty
    const { description, enum: values, pattern } = (Settings.properties as unknown as Record<string, Described>)[name]!
    const allowed = values === undefined ? pattern && ` It must look like ${pattern}.` : ` One of ${values.join(', ')}.`
    mistakes.add(`${name} is not as it must be: ${description}${allowed ?? ''}`)
  }
  const settings = given as Settings
  if (settings.DATABASE_URL !== undefined && settings.ENCRYPTION_KEYS.length === 0) {
    mistakes.add('ENCRYPTION_KEYS is required with DATABASE_URL: 32 random bytes in base64 (openssl rand -base64 32).')
  }
  const isNetwork = (text: string) => {
    const [address, prefix, ...rest] = text.split('/')
    const family = isIP(address!)
    if (family === 0 || rest.length > 0) return false
    return prefix === undefined || (/^[1-9]\d{0,2}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128))
  }
  if (Array.isArray(given.TRUSTED_PROXIES) && !settings.TRUSTED_PROXIES.every(isNetwork)) {
    mistakes.add('TRUSTED_PROXIES must hold addresses or networks only.')
  }
  if (mistakes.size > 0) throw new Error([...mistakes].join('\n'))
  return settings
}
