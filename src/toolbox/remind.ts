import { v7 as uuid } from 'uuid'
import { type Answered, created, done } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import { localDateOf } from '../clock/time-zones.ts'
import type { Tx } from '../database/database.ts'
import { conflict, notFound } from '../problems.ts'
import { readRule } from '../schedule/read-rule.ts'
import { type Sight, strategyWithinReach } from '../strategies/queries.ts'
import { noSuchStrategy } from './log-practice.ts'
import { countReminders, endReminder, findReminder, lockOwner } from './queries.ts'
import type { PracticeReminder, PracticeReminderCreate } from './schemas.ts'
import { practiceReminders } from './tables.ts'

/** Reminders of a person at one time: their feed is expanded whenever it is read. */
const mostReminders = 50

/** @throws Problem 404, 409 `too_many_reminders`, 422 `unknown_reference` and those of `readRule` */
export async function createReminder(
  tx: Tx,
  { moderates }: Sight,
  person_id: string,
  given: PracticeReminderCreate,
  now = new Date()
): Promise<Answered<PracticeReminder>> {
  const [owner] = await tx.run(lockOwner, { person_id })
  if (owner === undefined) throw notFound()
  const { strategy_id, time } = given
  if ((await tx.run(strategyWithinReach, { strategy_id, moderates })).length === 0) throw noSuchStrategy()
  const time_zone = given.time_zone ?? owner.time_zone
  const today = localDateOf(now, time_zone)
  const starts_on = given.starts_on ?? today
  const rrule = readRule({ starts_on, start_time: time, time_zone, rrule: given.rrule }, today)
  const [had] = await tx.run(countReminders, { person_id, moderates })
  if (had!.count >= mostReminders) {
    throw conflict('too_many_reminders', `A person has ${mostReminders} reminders at one time: end another first.`)
  }
  const id = uuid()
  await tx.db.insert(practiceReminders).values({
    organization_id: tx.actor.organization_id,
    id,
    person_id,
    strategy_id,
    starts_on,
    time,
    time_zone,
    rrule
  })
  const [reminder] = await tx.run(findReminder, { practice_reminder_id: id, moderates })
  if (reminder === undefined) throw noSuchStrategy()
  recordChange(tx, 'practice_reminder.created', reminder)
  return created('/v1/practice-reminders', reminder)
}

/** From now on it reminds of nothing. Twice is the same as once. */
export async function stopReminder(
  tx: Tx,
  sight: Sight,
  practice_reminder_id: string
): Promise<Answered<PracticeReminder>> {
  await readReminder(tx, sight, practice_reminder_id)
  recordChange(tx, 'practice_reminder.ended', ...(await tx.run(endReminder, { practice_reminder_id })))
  return done(await readReminder(tx, sight, practice_reminder_id))
}

/** @throws Problem 404 where the asker reads it no more */
export async function readReminder(
  tx: Tx,
  { moderates }: Sight,
  practice_reminder_id: string
): Promise<PracticeReminder> {
  const [reminder] = await tx.run(findReminder, { practice_reminder_id, moderates })
  if (reminder === undefined) throw notFound()
  return reminder
}
