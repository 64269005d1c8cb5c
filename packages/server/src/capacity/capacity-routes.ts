/** `/capacity`: what interfaces, links and exporters carry, and where it leads. */
import { z } from 'zod';
import type { ApiTopic } from '../analyses/api-topic.ts';
import { describeBody, describeRoute } from '../query-routes.ts';
import type { Capacity } from './capacity.ts';
import { detailSchema, overviewSchema, settingsSchema } from './capacity-schema.ts';

const subjectParameters = z.object({ key: z.string().max(150) });

export function createCapacityTopic(capacity: Capacity): ApiTopic {
  return {
    addRoutes(api) {
      api.get(
        '/capacity',
        describeRoute('Interfaces, links and exporters, fullest first', undefined, overviewSchema),
        () => ({
          settings: capacity.settings(),
          throughMs: capacity.throughMs(),
          subjects: capacity.subjects(),
          turnedAway: capacity.counters().turnedAway,
        }),
      );
      api.get(
        '/capacity/subjects/:key',
        describeRoute('History and forecast of one', undefined, detailSchema),
        (request) => capacity.subject(subjectParameters.parse(request.params).key),
      );
      api.put(
        '/capacity/settings',
        describeBody('Speeds, links, threshold', settingsSchema, settingsSchema),
        (request) => capacity.change(request.body),
      );
    },
  };
}
