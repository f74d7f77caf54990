/** The process that brings the database that DATABASE_URL names up to date. It needs no other setting. */
import { migrateDatabase } from './database/migrate.ts'
import { reasonOf } from './service.ts'

const url = process.env.DATABASE_URL?.trim()
if (!url || !/^postgres(ql)?:\/\//.test(url)) {
  console.error('DATABASE_URL must name the database to migrate: postgres://user:password@host:5432/database')
  process.exitCode = 1
} else {
  try {
    const applied = await migrateDatabase(url)
    console.error(
      applied === 0
        ? 'The database was up to date.'
        : `The database is up to date: ${applied} ${applied === 1 ? 'migration' : 'migrations'} applied.`
    )
  } catch (error) {
    console.error(`The database could not be migrated. ${reasonOf(error)}`)
    process.exitCode = 1
  }
}
