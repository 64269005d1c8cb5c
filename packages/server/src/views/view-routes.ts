/** `/views` and `/dashboards`: what people keep of the console. Whoever may look may keep views of his own. */
import path from 'node:path';
import { type Clock, createStateFile, type Logger } from '@weir/base';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { ApiTopic } from '../analyses/api-topic.ts';
import { describeBody, describeRoute } from '../query-routes.ts';
import {
  dashboardAnswerSchema,
  dashboardInputSchema,
  type ShelfState,
  shelfStateSchema,
  viewAnswerSchema,
  viewInputSchema,
  viewsAnswerSchema,
} from './view-schema.ts';
import { createViewShelf, type Keeper, type ViewShelf } from './view-shelf.ts';

const KEEPING = { role: 'viewer', narrowed: true } as const;
const doneSchema = z.object({ done: z.literal(true) });

interface ViewsOptions {
  readonly dataDirectory: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Views and dashboards in `views/views.json` of the data folder. */
export function createViews({ dataDirectory, clock, logger }: ViewsOptions): ApiTopic {
  const file = createStateFile<ShelfState>({
    path: path.join(dataDirectory, 'views', 'views.json'),
    initial: { version: 1, views: [], dashboards: [] },
    parse: (value) => shelfStateSchema.parse(value),
    logger,
  });
  return createViewTopic(createViewShelf(file, clock));
}

function createViewTopic(shelf: ViewShelf): ApiTopic {
  return {
    addRoutes(api) {
      api.get(
        '/views',
        { ...describeRoute('Views and dashboards', undefined, viewsAnswerSchema), config: KEEPING },
        (request) => shelf.list(keeperOf(request)),
      );
      api.post(
        '/views',
        { ...describeBody('Keeps a view', viewInputSchema, viewAnswerSchema), config: KEEPING },
        (request) => shelf.addView(viewInputSchema.parse(request.body), keeperOf(request)),
      );
      api.post(
        '/dashboards',
        {
          ...describeBody('Keeps a dashboard', dashboardInputSchema, dashboardAnswerSchema),
          config: KEEPING,
        },
        (request) => shelf.addDashboard(dashboardInputSchema.parse(request.body), keeperOf(request)),
      );
      api.put(
        '/dashboards/:id',
        {
          ...describeBody('Changes a dashboard', dashboardInputSchema, dashboardAnswerSchema),
          config: KEEPING,
        },
        (request) =>
          shelf.changeDashboard(idOf(request), dashboardInputSchema.parse(request.body), keeperOf(request)),
      );
      for (const kind of ['views', 'dashboards'] as const) {
        api.delete(
          `/${kind}/:id`,
          { ...describeRoute(`Removes one of the ${kind}`, undefined, doneSchema), config: KEEPING },
          async (request) => {
            await shelf.remove(kind, idOf(request), keeperOf(request));
            return { done: true };
          },
        );
      }
    },
  };
}

const idOf = (request: FastifyRequest): string => z.object({ id: z.string() }).parse(request.params).id;

function keeperOf({ identity }: FastifyRequest): Keeper {
  return {
    name: identity?.name ?? 'local',
    isAdmin: identity?.role === 'admin',
    seesShared: (identity?.rowFilter ?? '') === '',
  };
}
