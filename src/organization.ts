/**
 * The process for whoever runs the service: makes organizations, lists them, and makes a key for one that lost its own.
 * JSON goes to stdout, everything else to stderr. Works on DATABASE_URL, beside a running embedded service, or on the
 * embedded data alone. Exits 2 where it was not understood, 1 where it could not be done.
 */
import { parseArgs } from 'node:util'
import { pino } from 'pino'
import { createOrganization } from './access/create-organization.ts'
import { newAdministratorKey } from './access/new-administrator-key.ts'
import { readSettings } from './config.ts'
import { isLine, isUuid } from './http/formats.ts'
import { Problem } from './problems.ts'
import { openService, reasonOf, type Service } from './service.ts'

const usage = `Usage:
  npm run --silent organization -- create --name <name>   makes an organization: {"id", "api_key"}
  npm run --silent organization -- list                   lists them all: [{"id", "name", "slug", "created_at"}]
  npm run --silent organization -- new-key --id <id>      makes another administrator key: {"id", "api_key"}`

type Command = (service: Service) => Promise<unknown>

/** What was asked for, or nothing where it was not understood. */
function commandOf(args: string[]): Command | undefined {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: { name: { type: 'string' }, id: { type: 'string' } }
  })
  const [command, ...rest] = positionals
  if (rest.length > 0) return undefined
  const { id } = values
  const name = values.name?.normalize('NFC')
  if (command === 'create' && id === undefined && name !== undefined && name.length <= 200 && isLine(name)) {
    return ({ db, keyring }) => createOrganization(db, keyring, { name })
  }
  if (command === 'list' && id === undefined && name === undefined) {
    return ({ db }) => db.reviewed('list_organizations', 'select * from list_organizations()', [])
  }
  if (command === 'new-key' && name === undefined && id !== undefined && isUuid(id)) {
    return async ({ db }) => ({ id, api_key: await newAdministratorKey(db, id) })
  }
  return undefined
}

function understood(args: string[]): Command | undefined {
  try {
    return commandOf(args)
  } catch {
    return undefined
  }
}

async function run(command: Command) {
  const settings = readSettings(process.env)
  const logger = pino({ level: 'error' }, pino.destination({ dest: 2, sync: true }))
  const service = await openService(settings, logger, { beside: true })
  try {
    await service.prepare()
    console.log(JSON.stringify(await command(service)))
  } finally {
    await service.close()
  }
}

const command = understood(process.argv.slice(2))
if (command === undefined) {
  console.error(usage)
  process.exitCode = 2
} else {
  try {
    await run(command)
  } catch (error) {
    console.error(
      error instanceof Problem && error.status === 404 ? 'There is no organization with this id.' : reasonOf(error)
    )
    process.exitCode = 1
  }
}
