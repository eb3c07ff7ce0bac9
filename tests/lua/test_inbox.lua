local check = require "check"

check.test("next answers what has come, as tables", function()
    local node <close> = check.node()
    local inbox = node:subscribe "ticks"
    node:publish("ticks", "a")
    node:publish("ticks", "b\0")
    local events = inbox:next(0)
    check.equal(#events, 2)
    check.equal(events[1].data, "a")
    check.equal(events[2].data, "b\0")
    check.equal(events[2].sequence, events[1].sequence + 1)
    check.equal(events[2].parent, events[1].hash)
    check.equal(events[2].channel, "ticks")
    check.answers("ETIMEDOUT", inbox:next(0))
    check.answers("ETIMEDOUT", inbox:next(0.01))
end)

check.test("next runs the daemons that it waits for", function()
    local daemon, node = check.daemon(function(_, event)
        return event.data .. "!"
    end, {subscribe = {"ticks"}, publish = "out"})
    local inbox = node:subscribe "out"
    node:publish("ticks", "a")
    check.equal(inbox:next()[1].data, "a!")
    check.equal(check.row(node, daemon).arrival, 1)
end)

check.test("events iterates, in order, until nothing comes", function()
    local node <close> = check.node()
    local inbox = node:subscribe("ticks", {mailbox_count = 200})
    for i = 1, 150 do node:publish("ticks", tostring(i)) end
    local n = 0
    for event in inbox:events(0) do
        n = n + 1
        check.equal(event.data, tostring(n))
    end
    check.equal(n, 150)
    node:publish("ticks", "again")
    for event in inbox:events(0) do
        check.equal(event.data, "again")
        n = n + 1
    end
    check.equal(n, 151)
end)

check.test("events ends with the node, after the rest", function()
    local node = check.node()
    local inbox = node:subscribe "ticks"
    node:publish("ticks", "last")
    node:close()
    local n = 0
    for event in inbox:events() do
        check.equal(event.data, "last")
        n = n + 1
    end
    check.equal(n, 1)
    check.answers("ECLOSED", inbox:next())
end)

check.test("close ends an inbox", function()
    local node <close> = check.node()
    local inbox = node:subscribe("ticks", {mailbox_count = 1})
    node:publish("ticks", "a", 0)
    check.answers("EAGAIN", node:publish("ticks", "b", 0))
    inbox:close()
    inbox:close()
    check.equal(node:publish("ticks", "b", 0), true)
    check.answers("ECLOSED", inbox:next(0))
    for _ in inbox:events() do error "not reached" end
end)

check.test("patterns and options are checked", function()
    local node <close> = check.node()
    check.raises("ENAME", node.subscribe, node, "a..b")
    check.raises("EOPTION", node.subscribe, node, "a", {colour = "red"})
    check.raises("ERANGE", node.subscribe, node, "a",
        {mailbox_policy = "lose"})
end)

check.test("events outlive their inbox and node", function()
    local node = check.node()
    local inbox = node:subscribe "ticks"
    node:publish("ticks", "a")
    local events = inbox:next(0)
    inbox:close()
    node:close()
    node, inbox = nil, nil
    collectgarbage()
    check.equal(events[1].data, "a")
end)

return check.run()
