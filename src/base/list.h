/*
 * Intrusive, circular, doubly linked list. The head is a struct list too.
 *
 * Name the element beside each head: struct list viewers; // whep_viewer::link
 */
#ifndef AVOCET_BASE_LIST_H
#define AVOCET_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *prev;
    struct list *next;
};

static inline void list_init(struct list *head)
{
    head->prev = head;
    head->next = head;
}

static inline bool list_is_empty(const struct list *head)
{
    return head->next == head;
}

static inline void list_insert_after(struct list *at, struct list *element)
{
    element->prev = at;
    element->next = at->next;
    at->next->prev = element;
    at->next = element;
}

static inline void list_append(struct list *head, struct list *element)
{
    list_insert_after(head->prev, element);
}

/* The removed element becomes an empty list, so that removing it twice is harmless. */
static inline void list_remove(struct list *element)
{
    element->prev->next = element->next;
    element->next->prev = element->prev;
    list_init(element);
}

/* Make the first element the last one. */
static inline void list_rotate(struct list *head)
{
    if (!list_is_empty(head)) {
        struct list *first = head->next;
        list_remove(first);
        list_append(head, first);
    }
}

/* All elements of from go to the end of to. */
static inline void list_move_all(struct list *to, struct list *from)
{
    if (!list_is_empty(from)) {
        from->next->prev = to->prev;
        to->prev->next = from->next;
        from->prev->next = to;
        to->prev = from->prev;
        list_init(from);
    }
}

#define list_entry(element, type, member)                                                          \
    ((type *)(void *)((char *)(element)-offsetof(type, member)))

#define list_for_each(pos, head, member)                                                           \
    for (pos = list_entry((head)->next, __typeof__(*pos), member); &pos->member != (head);         \
         pos = list_entry(pos->member.next, __typeof__(*pos), member))

/* The current element may be removed and freed in the body. */
#define list_for_each_safe(pos, next_pos, head, member)                                            \
    for (pos = list_entry((head)->next, __typeof__(*pos), member),                                 \
        next_pos = list_entry(pos->member.next, __typeof__(*pos), member);                         \
         &pos->member != (head);                                                                   \
         pos = next_pos, next_pos = list_entry(next_pos->member.next, __typeof__(*pos), member))

#endif
