import t from 'tap'
import { startApp } from '../support/app.ts'
import { crossExamine } from '../support/matrix.ts'
import { type Operation, operationsOf, own, requestsOf } from '../support/operations.ts'
import { canariesOf, canary, checksums, type Kit, lookingPastWalls, makeKit } from '../support/two-organizations.ts'

const roles = ['admin', 'coordinator', 'facilitator', 'observer'] as const

t.test('within one organization', async t => {
  const service = await startApp(t)
  const { app } = service
  const superuser = await lookingPastWalls(t, service)
  const admin = await service.organization(canary('alpha0', 'organization'))
  const [mine, others] = [await makeKit(service, admin, 'alpha1'), await makeKit(service, admin, 'alpha2')]
  const operations = await operationsOf(app)

  const ofGroup = ['group_facilitators', 'memberships', 'series', 'closures', 'sessions', 'attendance', 'strategies']
  const ofSession = ['session_facilitators', 'notes', 'attendance_notes', 'attendance_submissions']
  const ofPerson = ['practices', 'practice_reminders']
  const itsSessions = 'session_id in (select id from sessions where group_id = $1)'

  const itsMemberships = 'membership_id in (select id from memberships where group_id = $1)'

  /** Every row that another group has, and its people. */
  async function hangingFrom({ group_id, person_id, guest_id, staff_id }: Kit): Promise<Set<string>> {
    const { rows } = await superuser.query(
      `select id from groups where id = $1
       ${ofGroup.map(table => `union select id from ${table} where group_id = $1`).join(' ')}
       ${ofSession.map(table => `union select id from ${table} where ${itsSessions}`).join(' ')}
       union select id from membership_absences where ${itsMemberships}
       union select person_id from memberships where group_id = $1
       ${ofPerson.map(table => `union select id from ${table} where person_id = $2`).join(' ')}`,
      [group_id, person_id]
    )
    return new Set([person_id, guest_id, staff_id, ...rows.map(row => row.id as string)])
  }

  /** What hangs from the group, or was done by those who run it. */
  async function stateOf({ group_id, person_id }: Kit): Promise<Record<string, string>> {
    const all = await checksums(superuser, admin.organization_id, [
      'audit_entries',
      'idempotency_keys',
      'outbox_events'
    ])
    const hangsFrom = [
      ['groups', 'id = $1'],
      ...ofGroup.map(table => [table, 'group_id = $1']),
      ...ofSession.map(table => [table, itsSessions]),
      ['session_rsvps', itsSessions],
      ['membership_absences', itsMemberships],
      ...[...ofPerson, 'toolbox_cards'].map(table => [table, 'person_id = $2'])
    ]
    const { rows } = await superuser.query(
      hangsFrom
        .map(
          ([table, how]) => `select '${table}' as name, md5(string_agg(x::text, '' order by x::text)) as sum
            from ${table} x where ${how}`
        )
        .join(' union all '),
      [group_id, person_id]
    )
    return { ...Object.fromEntries(rows.map(row => [row.name, row.sum])), staff: all.staff!, api_keys: all.api_keys! }
  }

  await t.test('nothing of another group exists for a facilitator', async t => {
    const { leaks, answers } = await crossExamine({
      app,
      key: mine.facilitator.key,
      own: mine,
      foreign: others,
      secret: { canaries: canariesOf('alpha2'), ids: await hangingFrom(others) },
      state: () => stateOf(others)
    })
    t.same(leaks, [])
    const hidden = answers.filter(answer => answer.status === 404)
    t.ok(hidden.length > 25, `${hidden.length} answers say that there is nothing`)
  })

  await t.test('nor does one’s own, once the assignment has ended', async t => {
    const former = await makeKit(service, admin, 'alpha4')
    t.equal((await former.facilitator.get(`/v1/groups/${former.group_id}`)).statusCode, 200)
    const end = await admin.post(`/v1/groups/${former.group_id}/facilitators/${former.facilitator_id}/end`, {})
    t.equal(end.statusCode, 200)
    // Whom they wrote down they see for a day, to let them join.
    await service.look("update people set created_at = created_at - interval '25 hours' where organization_id = $1", [
      admin.organization_id
    ])
    const ids = await hangingFrom(former)
    // Who they are themselves is no secret.
    ids.delete(former.staff_id)
    const { leaks } = await crossExamine({
      app,
      key: former.facilitator.key,
      own: mine,
      foreign: former,
      secret: { canaries: /cnry[- ]alpha4[- ](?!staff|key)/i, ids },
      state: () => stateOf(former)
    })
    t.same(leaks, [])
  })

  await t.test('every role may do what the document says, and nothing else', async t => {
    const keys = Object.fromEntries(
      await Promise.all(
        roles.map(
          async role =>
            [role, role === 'facilitator' ? mine.facilitator.key : (await service.staff(admin, role)).key] as const
        )
      )
    ) as Record<(typeof roles)[number], string>
    let pairs = 0
    for (const operation of operations) {
      t.ok(operation.roles !== undefined || operation.id === 'getMe', `${operation.id} says who may`)
      const allowed = operation.roles ?? roles
      t.ok(allowed.includes('admin'), `${operation.id} is for administrators at least`)
      for (const role of roles) {
        pairs++
        // Administrators ask for something that is there each time: what is allowed does succeed.
        const kit =
          role === 'admin' && operation.method !== 'GET'
            ? await makeKit(service, admin, 'alpha3', { visibility: 'organization' })
            : mine
        for (const request of requestsOf(operation, own(kit))) {
          const reply = await app.inject({
            ...request,
            headers: { ...request.headers, authorization: `Bearer ${keys[role]}` }
          })
          const what = `${role}: ${operation.id}`
          if (!allowed.includes(role)) {
            t.equal(reply.statusCode, 403, what)
            t.match(reply.json().code, /^(insufficient_scope|role_not_allowed)$/, what)
          } else if (role === 'admin') {
            t.match(reply.statusCode, /^20/, `${what} ${reply.statusCode < 300 ? '' : reply.body}`)
          } else {
            t.notMatch(reply.statusCode, /^(401|405|5..)$/, what)
            if (reply.statusCode === 403) t.equal(reply.json().code, 'not_permitted', `${what}: by what is in it alone`)
          }
        }
      }
    }
    t.equal(pairs, operations.length * roles.length)
  })

  await t.test('a scope opens what says so, and nothing else', async t => {
    const all = [...new Set(operations.flatMap(operation => operation.scope ?? []))]
    t.ok(all.length > 15)
    // Some are for no key without a member of staff.
    const staff_id = (await admin.get('/v1/me')).data.staff.id
    const keyWith = async (scopes: string[]) =>
      (await admin.post('/v1/api-keys', { name: 'narrow', scopes, staff_id })).data.secret as string
    const status = async (operation: Operation, key: string) => {
      const [request] = requestsOf(operation, own(mine))
      const reply = await app.inject({ ...request, headers: { ...request!.headers, authorization: `Bearer ${key}` } })
      return { status: reply.statusCode, code: reply.statusCode === 403 ? reply.json().code : undefined }
    }
    for (const scope of all) {
      const [only, allBut] = [await keyWith([scope]), await keyWith(all.filter(other => other !== scope))]
      for (const operation of operations) {
        const needs = operation.scope === scope
        if (operation.scope === undefined) continue
        // Only the refused half of each is sent where it would change things: what is let in was tried above.
        if (!needs || operation.method === 'GET') {
          const found = await status(operation, only)
          t.equal(found.code === 'insufficient_scope', !needs, `${operation.id} with ${scope} alone: ${found.status}`)
        }
        if (needs)
          t.same(
            await status(operation, allBut),
            { status: 403, code: 'insufficient_scope' },
            `${operation.id} without ${scope}`
          )
      }
    }
  })
})
