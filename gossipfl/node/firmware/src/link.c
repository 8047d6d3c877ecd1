#include "link.h"

#include "arithmetic.h"
#include "blake2b.h"
#include "bytes.h"
#include "codec.h"
#include "selection.h"

static void scatter(float *target, const struct gfl_entries *entries, float weight)
{
    for (uint32_t i = 0; i < entries->count; i++)
        target[entries->indices[i]] += weight * entries->values[i];
}

bool gfl_link_offer(struct gfl_link *link, const struct gfl_orders *orders, uint32_t samples,
                    struct gfl_entries *room)
{
    struct gfl_pending *pending = &link->pending;
    struct gfl_tensors tensors;
    uint32_t size = gfl_model_parameters(&orders->model);
    gfl_model_tensors(&orders->model, &tensors);
    for (uint32_t i = 0; i < size; i++)
        link->residual[i] += link->x[i] - link->anchor[i];
    if (!gfl_select(link->residual, size, orders->keep < size ? orders->keep : size, room))
        return false;
    pending->length = (uint32_t)gfl_encode(&tensors, orders->mark_bits, room, pending->payload,
                                           sizeof pending->payload);
    pending->samples = samples;
    link->open = pending->length > 0;
    if (link->open)
        scatter(link->residual, room, -1);
    return link->open;
}

void gfl_link_half(const struct gfl_link *link, struct gfl_half *out)
{
    const struct gfl_pending *pending = &link->pending;
    out->sequence = link->sequence + 1;
    gfl_copy(out->digest, link->digest, GFL_SHORT_DIGEST_BYTES);
    out->samples = pending->samples;
    out->payload = pending->payload;
    out->length = pending->length;
}

bool gfl_link_suits(const struct gfl_link *link, const struct gfl_model *model,
                    const struct gfl_half *theirs, struct gfl_entries *room)
{
    struct gfl_tensors tensors;
    gfl_model_tensors(model, &tensors);
    return link->open && theirs->sequence == link->sequence + 1
        && gfl_equal(theirs->digest, link->digest, GFL_SHORT_DIGEST_BYTES)
        && gfl_decode(&tensors, theirs->payload, theirs->length, room);
}

static void add_big_endian(struct gfl_blake2b *hash, uint32_t number)
{
    uint8_t bytes[4] = { (uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8),
                         (uint8_t)number };
    gfl_blake2b_add(hash, bytes, sizeof bytes);
}

/* Between any two nodes, a byte tells of the control variate.  A device has none. */
static void add_half(struct gfl_blake2b *hash, uint32_t samples, const uint8_t *payload,
                     uint32_t length)
{
    static const uint8_t activity = 0;
    add_big_endian(hash, samples);
    gfl_blake2b_add(hash, &activity, 1);
    add_big_endian(hash, length);
    gfl_blake2b_add(hash, payload, length);
}

static void extend(struct gfl_link *link, const struct gfl_half *theirs)
{
    const struct gfl_pending *ours = &link->pending;
    struct gfl_blake2b hash;
    gfl_blake2b_start(&hash, GFL_DIGEST_BYTES, NULL, 0);
    gfl_blake2b_add(&hash, link->digest, GFL_DIGEST_BYTES);
    add_half(&hash, theirs->samples, theirs->payload, theirs->length);
    add_half(&hash, ours->samples, ours->payload, ours->length);
    gfl_blake2b_finish(&hash, link->digest);
}

void gfl_link_apply(struct gfl_link *link, const struct gfl_model *model,
                    const struct gfl_half *theirs, struct gfl_entries *room)
{
    struct gfl_tensors tensors;
    gfl_model_tensors(model, &tensors);
    gfl_decode(&tensors, theirs->payload, theirs->length, room);
    scatter(link->anchor, room, 1);
    extend(link, theirs);
    link->sequence++;
    link->open = false;
}

void gfl_link_seed_digest(const float *anchor, uint32_t size, uint8_t digest[GFL_DIGEST_BYTES])
{
    struct gfl_blake2b hash;
    gfl_blake2b_start(&hash, GFL_DIGEST_BYTES, NULL, 0);
    gfl_blake2b_add(&hash, "seed", 4);
    for (uint32_t i = 0; i < size; i++) {
        uint8_t bytes[4];
        gfl_store_float(bytes, anchor[i]);
        gfl_blake2b_add(&hash, bytes, sizeof bytes);
    }
    gfl_blake2b_finish(&hash, digest);
}

void gfl_link_plant(struct gfl_link *link, const uint8_t digest[GFL_DIGEST_BYTES])
{
    gfl_copy(link->digest, digest, GFL_DIGEST_BYTES);
    link->sequence = 0;
    link->seeded = true;
    link->open = false;
}
