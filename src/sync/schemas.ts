import { type Static, Type } from 'typebox'
import { Group } from '../groups/schemas.ts'
import { Answer, Defaulted, Id, named, OneOf, Parameters } from '../http/schemas.ts'
import { Membership } from '../memberships/schemas.ts'
import { Session, Sheet } from '../sessions/schemas.ts'
import { expectations } from '../sessions/vocabulary.ts'

export const DeviceSync = Answer(
  'DeviceSync',
  {
    groups: Type.Array(named(Group)),
    memberships: Type.Array(named(Membership), {
      description:
        'Who belongs, or asked to: with the days of each, the roster of any session. Of somebody new to a group, those who left more than sixty days ago are left out.'
    }),
    sessions: Type.Array(named(Session), {
      description: 'By start. Of a group that is new to the device, those from sixty days ago on.'
    }),
    sheets: Type.Array(named(Sheet), {
      description:
        'The sheet of each of these sessions that has one, or had one that was withdrawn; and of those that the device’s owner only stands in for, the roster to fill in.'
    }),
    rsvps: Type.Array(
      Type.Object(
        { session_id: Id, person_id: Id, answer: OneOf(expectations) },
        { title: 'SyncedRsvp', description: 'Whether somebody means to come.' }
      ),
      { description: 'All that was said of each of these sessions.' }
    ),
    removed: Type.Array(Id, {
      description:
        'What is gone, or seen no more: sessions, and groups with all that hangs from them. The device forgets it, before it takes in the rest.'
    }),
    cursor: Type.String({ description: 'For the next request: also where there is nothing more now.' }),
    has_more: Type.Boolean({ description: 'There is more already: ask again at once.' }),
    reset: Type.Boolean({
      description:
        'The service was restored from a copy, and begins anew: the device forgets all that it has from here, but not the sheets that were not answered, before it takes in the rest.'
    })
  },
  {
    description:
      'What changed. Each object is whole, and replaces what the device has by its id; the same may come twice.'
  }
)
export type DeviceSync = Static<typeof DeviceSync>

export const DeviceSyncQuery = Parameters({
  limit: Defaulted(
    Type.Integer({
      minimum: 1,
      maximum: 1000,
      description: 'How many objects at most; a session counts with its sheet.'
    }),
    250
  ),
  cursor: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 12_000,
      description: 'The `cursor` of the last answer; none the first time.'
    })
  )
})

export const schemas = [DeviceSync]
