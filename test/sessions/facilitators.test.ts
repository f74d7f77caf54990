import t from 'tap'
import { type Client, startApp } from '../support/app.ts'
import { assign, makeGroup, makeMember, makeSession, minutesFromNow } from '../support/circle.ts'

const any = { 'if-match': '*' }
const sheet = { records: [], anonymous_count: 3 }

t.test('who leads one session', async t => {
  const service = await startApp(t)
  const admin = await service.organization()
  const group_id = await makeGroup(admin, { online_url: 'https://meet.example.org/x' })
  await makeMember(admin, group_id, 'Ana')
  const [lead, co, sub] = [
    await service.staff(admin, 'facilitator', 'Lead'),
    await service.staff(admin, 'facilitator', 'Co'),
    await service.staff(admin, 'facilitator', 'Sub')
  ]
  await assign(admin, group_id, lead.staff_id)
  await admin.post(`/v1/groups/${group_id}/facilitators`, {
    staff_id: co.staff_id,
    role: 'co_facilitator',
    starts_at: minutesFromNow(-600)
  })
  const name = (session_id: string, body: Record<string, unknown>, by: Client = admin) =>
    by.post(`/v1/sessions/${session_id}/facilitators`, body)
  const leaders = async (session_id: string, by: Client = admin) =>
    (await by.get(`/v1/sessions/${session_id}/facilitators`)).data.data as {
      display_name: string
      role: string
      session_facilitator_id: string | null
    }[]
  const names = async (session_id: string) =>
    (await leaders(session_id)).map(({ display_name, role }) => `${display_name}: ${role}`)

  await t.test('those who facilitate the group when it begins, unless somebody stands in', async t => {
    const session_id = await makeSession(admin, group_id, -60 * 24)
    t.same(await names(session_id), ['Lead: facilitator', 'Co: co_facilitator'])
    // Before the first assignment of all.
    t.same(await names(await makeSession(admin, group_id, 60 * 24)), [])

    const named = await name(session_id, { staff_id: sub.staff_id, replaces_staff_id: lead.staff_id })
    t.equal(named.statusCode, 201)
    t.equal(named.headers.location, `/v1/sessions/${session_id}/facilitators/${named.data.id}`)
    t.match(named.data, {
      session_id,
      group_id,
      staff_id: sub.staff_id,
      display_name: 'Sub',
      role: 'substitute',
      replaces_staff_id: lead.staff_id,
      withdrawn_at: null,
      version: 1
    })
    t.same(await names(session_id), ['Sub: substitute', 'Co: co_facilitator'])
    t.same((await leaders(session_id, lead)).length, 2, 'whoever is replaced still facilitates the group')

    const path = `/v1/sessions/${session_id}/facilitators/${named.data.id}`
    t.equal((await admin.post(`${path}/withdraw`, undefined, { 'if-match': '"7"' })).statusCode, 412)
    const withdrawn = await admin.post(`${path}/withdraw`)
    t.match(withdrawn.data, { withdrawn_at: /Z$/, version: 2 })
    t.match((await admin.post(`${path}/withdraw`)).data, { version: 2 }, 'twice is once')
    t.match((await admin.get(path)).data, { version: 2 }, 'the history stays')
    t.same(await names(session_id), ['Lead: facilitator', 'Co: co_facilitator'])
    t.equal((await name(session_id, { staff_id: sub.staff_id })).statusCode, 201, 'and may be named again')

    // The co-facilitator takes over.
    await name(session_id, { staff_id: co.staff_id, replaces_staff_id: lead.staff_id })
    t.same(await names(session_id), ['Sub: substitute', 'Co: substitute'])
  })

  await t.test('history keeps who led', async t => {
    const session_id = await makeSession(admin, group_id, 30)
    const before = await names(session_id)
    t.same(before, ['Lead: facilitator', 'Co: co_facilitator'])
    const other = await service.staff(admin, 'facilitator', 'Other')
    const ends = await assign(admin, group_id, other.staff_id)
    t.same((await names(session_id)).length, 3)
    await admin.post(`/v1/groups/${group_id}/facilitators/${ends}/end`, {})
    t.same((await names(session_id)).length, 3, 'an assignment that ended stays in its time')
  })

  await t.test('a substitute sees that one session, and logs its sheet', async t => {
    const session_id = await makeSession(admin, group_id, 20)
    const others = await makeSession(admin, group_id, 25)
    const session = `/v1/sessions/${session_id}`
    const helper = await service.staff(admin, 'facilitator', 'Helper')
    t.equal((await helper.get(session)).statusCode, 404)
    const { id } = (await name(session_id, { staff_id: helper.staff_id })).data

    t.equal((await helper.get(session)).statusCode, 200)
    t.same(
      (await helper.get('/v1/sessions')).data.data.map((found: { id: string }) => found.id),
      [session_id]
    )
    t.match((await helper.get(`${session}/attendance`)).data.roster, [{ display_name: 'Ana' }])
    t.equal((await helper.put(`${session}/attendance`, sheet)).statusCode, 200)
    t.equal((await helper.get(`${session}/attendance/history`)).statusCode, 200)
    t.match((await helper.get(`/v1/groups/${group_id}`)).data, { online_url: 'https://meet.example.org/x' })
    t.same(
      (await helper.get(`/v1/groups/${group_id}/sessions`)).data.data.map((found: { id: string }) => found.id),
      [session_id]
    )
    for (const closed of [
      `/v1/sessions/${others}`,
      `/v1/sessions/${others}/attendance`,
      `/v1/sessions/${others}/facilitators`,
      `/v1/groups/${group_id}/memberships`,
      `/v1/groups/${group_id}/facilitators`,
      `/v1/groups/${group_id}/handover`
    ])
      t.equal((await helper.get(closed)).statusCode, 404, closed)
    t.same((await helper.get('/v1/groups')).data.data, [])
    t.same((await helper.get('/v1/people')).data.data, [])
    t.same((await helper.get('/v1/attendance')).data.data, [])
    // When it is, and where, is for those who facilitate the group: it is also when they see it no more.
    for (const body of [{ starts_at: minutesFromNow(60 * 24 * 400) }, { topic: 'x' }])
      t.match((await helper.patch(session, body, any)).json(), { status: 403, code: 'not_permitted' })
    // Nobody lets others in but those who assign facilitators.
    t.equal((await name(session_id, { staff_id: sub.staff_id }, helper)).statusCode, 403)
    t.equal((await name(session_id, { staff_id: sub.staff_id }, lead)).statusCode, 403)

    await admin.post(`${session}/facilitators/${id}/withdraw`)
    for (const closed of [session, `${session}/attendance`, `/v1/groups/${group_id}`, `${session}/facilitators`])
      t.equal((await helper.get(closed)).statusCode, 404, closed)
    t.equal((await helper.put(`${session}/attendance`, sheet, any)).statusCode, 404)
  })

  await t.test('until a week after it', async t => {
    const session_id = await makeSession(admin, group_id, 20)
    const helper = await service.staff(admin, 'facilitator')
    await name(session_id, { staff_id: helper.staff_id })
    const move = (days: number) =>
      service.look(
        `update sessions set starts_at = now() - make_interval(days => $2, hours => 1), ends_at = now() - make_interval(days => $2, mins => -1)
         where id = $1`,
        [session_id, days]
      )
    await move(7)
    t.equal((await helper.get(`/v1/sessions/${session_id}`)).statusCode, 200)
    await move(8)
    t.equal((await helper.get(`/v1/sessions/${session_id}`)).statusCode, 404)
    t.equal((await helper.get(`/v1/groups/${group_id}`)).statusCode, 404)
  })

  await t.test('whoever is replaced in the group loses single sessions as well, at that instant', async t => {
    const session_id = await makeSession(admin, group_id, -60 * 24)
    const leaving = await service.staff(admin, 'facilitator', 'Leaving')
    const assignment = await assign(admin, group_id, leaving.staff_id)
    await name(session_id, { staff_id: leaving.staff_id })
    const end = (ends_at?: string) =>
      admin.post(`/v1/groups/${group_id}/facilitators/${assignment}/end`, { ...(ends_at && { ends_at }) })
    await end(minutesFromNow(60))
    t.equal((await leaving.get(`/v1/sessions/${session_id}`)).statusCode, 200, 'not before')
    await end()
    t.equal((await leaving.get(`/v1/sessions/${session_id}`)).statusCode, 404)
    t.equal((await leaving.get(`/v1/groups/${group_id}`)).statusCode, 404)
    // What is still to come does not close it now.
    const helper = await service.staff(admin, 'facilitator', 'Helper')
    await name(session_id, { staff_id: helper.staff_id })
    await admin.post(`/v1/groups/${group_id}/facilitators`, {
      staff_id: helper.staff_id,
      starts_at: minutesFromNow(60),
      ends_at: minutesFromNow(120)
    })
    t.equal((await helper.get(`/v1/sessions/${session_id}`)).statusCode, 200)
    const never = (await admin.get(`/v1/groups/${group_id}/facilitators?limit=100`)).data.data.find(
      (one: { staff_id: string; ends_at: string | null }) => one.staff_id === helper.staff_id
    )
    await admin.post(`/v1/groups/${group_id}/facilitators/${never.id}/end`, {})
    t.equal(
      (await helper.get(`/v1/sessions/${session_id}`)).statusCode,
      200,
      'nor does an assignment that never begins'
    )
    t.same(
      await service.look('select access_ends_at from session_facilitators where staff_id = $1', [helper.staff_id]),
      [{ access_ends_at: null }]
    )
    // Asked for once more, they come back for that one session.
    const later = await makeSession(admin, group_id, -60 * 25)
    await name(later, { staff_id: leaving.staff_id })
    t.equal((await leaving.get(`/v1/sessions/${later}`)).statusCode, 200)
    t.equal((await leaving.get(`/v1/sessions/${session_id}`)).statusCode, 404)
  })

  await t.test('a deactivated member of staff leads nothing to come', async t => {
    const session_id = await makeSession(admin, group_id, -60 * 24)
    const begun = await makeSession(admin, group_id, 20)
    const gone = await service.staff(admin, 'facilitator', 'Gone')
    const { id } = (await name(session_id, { staff_id: gone.staff_id })).data
    const led = await name(begun, { staff_id: gone.staff_id, replaces_staff_id: lead.staff_id })
    await admin.post(`/v1/staff/${gone.staff_id}/deactivate`)
    t.match((await admin.get(`/v1/sessions/${session_id}/facilitators/${id}`)).data, { withdrawn_at: /Z$/, version: 2 })
    t.match((await admin.get(`/v1/sessions/${begun}/facilitators/${led.data.id}`)).data, { withdrawn_at: null })
    t.ok((await names(begun)).includes('Gone: substitute'), 'what they led stays so')
    await admin.post(`/v1/staff/${gone.staff_id}/reactivate`)
    const again = (await admin.post('/v1/api-keys', { name: 'again', staff_id: gone.staff_id })).data.secret
    const back = service.client(again, admin.organization_id)
    t.equal((await back.get(`/v1/sessions/${begun}`)).statusCode, 404, 'and is not shown to them again')
  })

  await t.test('refuses', async t => {
    const session_id = await makeSession(admin, group_id, -60 * 24)
    const refused = async (body: Record<string, unknown>, status: number, code: string, pointer?: string) => {
      const reply = await name(session_id, body)
      t.match(reply.json(), { status, code, ...(pointer && { errors: [{ pointer }] }) }, JSON.stringify(body))
    }
    const { staff_id } = sub
    await refused(
      { staff_id, role: 'co_facilitator', replaces_staff_id: lead.staff_id },
      422,
      'not_a_substitute',
      '#/replaces_staff_id'
    )
    await refused({ staff_id: lead.staff_id, replaces_staff_id: lead.staff_id }, 422, 'not_a_substitute')
    await refused({ staff_id, replaces_staff_id: sub.staff_id }, 422, 'unknown_reference', '#/replaces_staff_id')
    await refused({ staff_id, role: 'facilitator' }, 422, 'validation_failed', '#/role')
    const [gone, helper] = [await service.staff(admin, 'facilitator'), await service.staff(admin, 'facilitator')]
    await admin.post(`/v1/staff/${gone.staff_id}/deactivate`)
    await refused({ staff_id: gone.staff_id }, 422, 'unknown_reference', '#/staff_id')
    await refused({ staff_id: lead.staff_id }, 409, 'already_assigned')
    await name(session_id, { staff_id })
    await refused({ staff_id }, 409, 'already_assigned')
    await refused({ staff_id, replaces_staff_id: lead.staff_id }, 409, 'already_assigned')
    // Who stands in is not replaced in turn: they are withdrawn.
    await refused({ staff_id: helper.staff_id, replaces_staff_id: staff_id }, 422, 'unknown_reference')
  })

  await t.test('named twice at once is named once', async t => {
    const session_id = await makeSession(admin, group_id, -60 * 24)
    const statuses = (await Promise.all([1, 2, 3, 4].map(() => name(session_id, { staff_id: sub.staff_id })))).map(
      reply => reply.statusCode
    )
    t.same(statuses.sort(), [201, 409, 409, 409])
  })

  await t.test('unlogged sheets are those of whoever led', async t => {
    const alone = await makeGroup(admin)
    await assign(admin, alone, lead.staff_id)
    const [first, second] = [await makeSession(admin, alone, -1), await makeSession(admin, alone, -2)]
    await name(first, { staff_id: sub.staff_id, replaces_staff_id: lead.staff_id })
    await service.look(
      "update sessions set starts_at = now() - interval '30 minutes', ends_at = now() - interval '10 minutes' where group_id = $1",
      [alone]
    )
    const unlogged = async (staff_id: string) =>
      (await admin.get(`/v1/sessions?unlogged=true&group_id=${alone}&staff_id=${staff_id}`)).data.data.map(
        (one: { id: string }) => one.id
      )
    t.same(await unlogged(lead.staff_id), [second])
    t.same(await unlogged(sub.staff_id), [first])
    t.same((await sub.get(`/v1/sessions?unlogged=true&group_id=${alone}`)).data.data.length, 1)
  })

  await t.test('a session for which somebody is named stays when its series changes', async t => {
    const series = (
      await admin.post(`/v1/groups/${group_id}/series`, {
        starts_on: minutesFromNow(60 * 24 * 2).slice(0, 10),
        start_time: '19:00',
        rrule: 'FREQ=DAILY;COUNT=3'
      })
    ).data
    const sessions = (await admin.get(`/v1/groups/${group_id}/sessions?from=${series.starts_on}`)).data.data.filter(
      (one: { series_id: string }) => one.series_id === series.id
    )
    await name(sessions[2].id, { staff_id: sub.staff_id })
    const ended = await admin.post(`/v1/series/${series.id}/end`, { ends_on: series.starts_on }, any)
    t.equal(ended.statusCode, 200)
    t.same(ended.data.detached_session_ids, [sessions[2].id])
    t.equal((await admin.get(`/v1/sessions/${sessions[1].id}`)).statusCode, 404)
    t.equal((await sub.get(`/v1/sessions/${sessions[2].id}`)).statusCode, 200)
  })
})
