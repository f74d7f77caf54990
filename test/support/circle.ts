import type { Client } from './app.ts'

const day = 86_400_000

/** An instant relative to now, in minutes. */
export const minutesFromNow = (minutes: number): string => new Date(Date.now() + minutes * 60_000).toISOString()
export const daysFromNow = (days: number): string => new Date(Date.now() + days * day).toISOString().slice(0, 10)

/** Makes a group that meets online, in UTC. */
export async function makeGroup(admin: Client, fields: Record<string, unknown> = {}): Promise<string> {
  const made = await admin.post('/v1/groups', { name: 'Evening Circle', mode: 'online', time_zone: 'UTC', ...fields })
  if (made.statusCode !== 201) throw new Error(made.body)
  return made.data.id
}

export async function makePerson(admin: Client, display_name: string): Promise<string> {
  const made = await admin.post('/v1/people', { display_name })
  if (made.statusCode !== 201) throw new Error(made.body)
  return made.data.id
}

/** Makes a person and lets them join, long ago unless told. */
export async function makeMember(
  admin: Client,
  group_id: string,
  display_name: string,
  joined_on = '2026-01-01'
): Promise<string> {
  const person_id = await makePerson(admin, display_name)
  const made = await admin.post(`/v1/groups/${group_id}/memberships`, { person_id, joined_on })
  if (made.statusCode !== 201) throw new Error(made.body)
  return person_id
}

/** Schedules a session that began so many minutes ago (negative: begins in so many). */
export async function makeSession(admin: Client, group_id: string, minutesAgo = 120): Promise<string> {
  const made = await admin.post(`/v1/groups/${group_id}/sessions`, {
    starts_at: minutesFromNow(-minutesAgo),
    duration_minutes: 90
  })
  if (made.statusCode !== 201) throw new Error(made.body)
  return made.data.id
}

/** Assigns a facilitator from an hour ago on. */
export async function assign(admin: Client, group_id: string, staff_id: string): Promise<string> {
  const made = await admin.post(`/v1/groups/${group_id}/facilitators`, {
    staff_id,
    role: 'facilitator',
    starts_at: minutesFromNow(-60)
  })
  if (made.statusCode !== 201) throw new Error(made.body)
  return made.data.id
}
