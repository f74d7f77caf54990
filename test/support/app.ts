import { randomBytes } from 'node:crypto'
import { Writable } from 'node:stream'
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import pg from 'pg'
import { pino } from 'pino'
import { createOrganization } from '../../src/access/create-organization.ts'
import { buildApp } from '../../src/app.ts'
import { readSettings } from '../../src/config.ts'
import { openDatabase } from '../../src/database/database.ts'
import { Keyring } from '../../src/database/keyring.ts'
import { cloneDatabase } from './database.ts'

/** Somebody with a key: asks as they would. */
export interface Client {
  key: string
  organization_id: string
  get(url: string, headers?: Record<string, string>): Promise<Reply>
  post(url: string, body?: unknown, headers?: Record<string, string>): Promise<Reply>
  put(url: string, body: unknown, headers?: Record<string, string>): Promise<Reply>
  patch(url: string, body: unknown, headers?: Record<string, string>): Promise<Reply>
  delete(url: string, headers?: Record<string, string>): Promise<Reply>
  request(options: InjectOptions): Promise<Reply>
}

export interface Reply extends LightMyRequestResponse {
  /** The JSON body, not typed: tests say what they expect. */
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever came
  data: any
}

export interface TestApp {
  app: FastifyInstance
  /** Every line that was logged. */
  log: string[]
  /** The administrator of a new organization. */
  organization(name?: string): Promise<Client>
  /** A new member of staff of that organization, with a key of the whole role. */
  staff(
    admin: Client,
    role: 'admin' | 'coordinator' | 'facilitator' | 'observer',
    name?: string
  ): Promise<Client & { staff_id: string }>
  client(key: string, organization_id: string): Client
  /** Looks past all walls. */
  // biome-ignore lint/suspicious/noExplicitAny: rows of any shape
  look(text: string, values?: unknown[]): Promise<any[]>
  /** The URLs and keys of this database, for a second app on it. */
  url: string
  superuserUrl: string
  keyring: Keyring
}

interface Teardown {
  teardown(handler: () => unknown): void
}

/** The whole service on a database of its own; gone with the test. */
export async function startApp(
  t: Teardown,
  environment: Record<string, string> = {},
  shared?: { url: string; superuserUrl: string; keyring: Keyring }
): Promise<TestApp> {
  const database = shared === undefined ? await cloneDatabase() : { ...shared, drop: async () => {} }
  const settings = readSettings({ LOG_LEVEL: 'info', RATE_LIMIT_PER_MINUTE: '0', POOL_SIZE: '4', ...environment })
  const log: string[] = []
  const logger = pino(
    { level: settings.LOG_LEVEL },
    new Writable({
      write: (line, _encoding, done) => {
        log.push(String(line))
        done()
      }
    })
  )
  const keyring = shared?.keyring ?? new Keyring([randomBytes(32)])
  const db = openDatabase({
    url: database.url,
    poolSize: settings.POOL_SIZE,
    connectTimeout: settings.CONNECT_TIMEOUT_MS,
    statementTimeout: settings.STATEMENT_TIMEOUT_MS,
    lockTimeout: settings.LOCK_TIMEOUT_MS,
    log: logger
  })
  const app = await buildApp({ settings, db, keyring, logger })
  await app.ready()
  t.teardown(async () => {
    await app.close()
    await db.close()
    await database.drop()
  })

  const client = (key: string, organization_id: string): Client => {
    const request = async (options: InjectOptions): Promise<Reply> => {
      const reply = (await app.inject({
        ...options,
        headers: { authorization: `Bearer ${key}`, ...options.headers }
      })) as Reply
      if (reply.statusCode >= 500 && reply.statusCode !== 503)
        throw new Error(`${options.method} ${options.url}: ${reply.body}\n${log.slice(-3).join('')}`)
      try {
        reply.data = reply.body === '' ? undefined : JSON.parse(reply.body)
      } catch {
        reply.data = undefined
      }
      return reply
    }
    const send =
      (method: 'POST' | 'PUT' | 'PATCH') =>
      (url: string, body?: unknown, headers: Record<string, string> = {}) =>
        request({ method, url, headers, ...(body !== undefined && { payload: body as object }) })
    return {
      key,
      organization_id,
      request,
      get: (url, headers = {}) => request({ method: 'GET', url, headers }),
      post: send('POST'),
      put: send('PUT'),
      patch: send('PATCH'),
      delete: (url, headers = {}) => request({ method: 'DELETE', url, headers })
    }
  }

  return {
    app,
    log,
    client,
    url: database.url,
    superuserUrl: database.superuserUrl,
    keyring,
    async organization(name = 'Riverside') {
      const { id, api_key } = await createOrganization(db, keyring, { name })
      return client(api_key, id)
    },
    async staff(admin, role, name = role) {
      const staff = await admin.post('/v1/staff', { display_name: name, role })
      const key = await admin.post('/v1/api-keys', { name, staff_id: staff.data.id })
      return { ...client(key.data.secret, admin.organization_id), staff_id: staff.data.id }
    },
    async look(text, values = []) {
      const looker = new pg.Client({ connectionString: database.superuserUrl })
      await looker.connect()
      try {
        return (await looker.query(text, values)).rows
      } finally {
        await looker.end()
      }
    }
  }
}
