import { v7 as uuid } from 'uuid'
import { type Answered, created } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import type { Tx } from '../database/database.ts'
import { findStaff } from './queries.ts'
import type { Staff, StaffCreate } from './schemas.ts'
import { staff } from './tables.ts'

/** @throws what `staff_email` means, where somebody has that address */
export async function createStaff(tx: Tx, given: StaffCreate): Promise<Answered<Staff>> {
  const id = uuid()
  await tx.db.insert(staff).values({ ...given, organization_id: tx.actor.organization_id, id })
  const [made] = await tx.run(findStaff, { staff_id: id })
  recordChange(tx, 'staff.created', made!)
  return created('/v1/staff', made!)
}
