/**
 * The process for whoever runs the service, after an update of Node.js that brought new time zone rules: sessions to come are
 * moved to where clocks show their local time. JSON goes to stdout, everything else to stderr. Works like the other commands.
 */
import { pino } from 'pino'
import { readSettings } from './config.ts'
import { keepWallClock } from './schedule/keep-wall-clock.ts'
import { openService, reasonOf } from './service.ts'

try {
  const logger = pino({ level: 'error' }, pino.destination({ dest: 2, sync: true }))
  const service = await openService(readSettings(process.env), logger, { beside: true })
  try {
    await service.prepare()
    console.log(
      JSON.stringify({ time_zone_rules: process.versions.tz, sessions_moved: await keepWallClock(service.db) })
    )
  } finally {
    await service.close()
  }
} catch (error) {
  console.error(`The sessions could not be moved. ${reasonOf(error)}`)
  process.exitCode = 1
}
