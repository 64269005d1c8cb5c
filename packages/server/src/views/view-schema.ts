/** Views and dashboards that people keep: addresses of the console, for the whole state of a page is in its address. */
import { z } from 'zod';

const name = z.string().trim().min(1, 'a name').max(80, 'at most 80 characters');
/** A page of this console and nothing else: a path from its root, and what is asked of it. */
const address = z
  .string()
  .max(8192)
  .regex(/^\/(?!\/)[\w%./:~-]*(?:\?[\w%+&=.,~*'()!:/@-]*)?$/, 'the address of a page, such as /explore?v=1');

export const tileSchema = z.strictObject({
  title: name,
  address: address.describe('Of the page Explore'),
  wide: z.boolean().default(false).describe('As wide as the page'),
});

export const viewInputSchema = z.strictObject({ name, address, shared: z.boolean().default(false) });
export const dashboardInputSchema = z.strictObject({
  name,
  shared: z.boolean().default(false).describe('Whether all who may look see it'),
  tiles: z.array(tileSchema).max(24, 'at most 24 tiles'),
});
export type ViewInput = z.infer<typeof viewInputSchema>;
export type DashboardInput = z.infer<typeof dashboardInputSchema>;

const kept = { id: z.string(), owner: z.string(), changedAt: z.number() };
const viewSchema = viewInputSchema.extend(kept);
const dashboardSchema = dashboardInputSchema.extend(kept);
export type KeptView = z.infer<typeof viewSchema>;
export type KeptDashboard = z.infer<typeof dashboardSchema>;

export const shelfStateSchema = z.object({
  version: z.literal(1),
  views: z.array(viewSchema),
  dashboards: z.array(dashboardSchema),
});
export type ShelfState = z.infer<typeof shelfStateSchema>;

const mine = { mine: z.boolean().describe('Whether who asks may change it') };
export const viewAnswerSchema = viewSchema.extend(mine);
export const dashboardAnswerSchema = dashboardSchema.extend(mine);
export const viewsAnswerSchema = z.object({
  views: z.array(viewAnswerSchema).describe('By name: those of who asks, and shared ones'),
  dashboards: z.array(dashboardAnswerSchema),
});
