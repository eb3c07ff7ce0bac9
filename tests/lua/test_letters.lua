--- Dead letters: what nobody could handle, and what becomes of it.
local lares = require "lares"
local check = require "check"

-- Make a world with a node, whose daemon fails while it is told to.
local function stage(options)
    local stand = {fails = true, seen = {}}
    stand.world = lares.world(1)
    stand.node = stand.world:node("east", options)
    stand.node:register(check.class("picky", function(_, event)
        if stand.fails then error("not " .. #event.data) end
        stand.seen[#stand.seen + 1] = event.data
    end))
    stand.daemon = stand.node:spawn("picky", {subscribe = {"ticks"},
        restart_max = 100})
    return stand
end

-- Publish these, and let each become a letter.
local function fail(stand, ...)
    for _, data in ipairs {...} do
        assert(stand.node:publish("ticks", data))
        stand.world:run(10)
    end
end

check.test("letters have an id, a reason, a text, and the data", function()
    local stand = stage()
    check.equal(#stand.node:letters(), 0)
    fail(stand, "a\0b", "")
    local letters = stand.node:letters()
    check.equal(#letters, 2)
    check.equal(letters[1].reason, "FAILED")
    check.contains(letters[1].text, "not 3")
    check.equal(letters[1].data, "a\0b")
    check.equal(letters[2].data, "")
    check.equal(math.type(letters[1].id), "integer")
    check.equal(letters[2].id > letters[1].id, true)
end)

-- id: BD01
check.test("a replayed letter is handled once, as a new event", function()
    local stand = stage()
    fail(stand, "first", "second")
    stand.fails = false
    local id = stand.node:letters()[1].id
    check.equal(stand.node:replay(id), true)
    stand.world:run_idle()
    check.equal(table.concat(stand.seen, " "), "first")
    check.equal(#stand.node:letters(), 1)
    check.answers("ENOTFOUND", stand.node:replay(id))
    check.equal(stand.node:letters()[1].data, "second")
end)

check.test("a letter that fails again is a letter again", function()
    local stand = stage()
    fail(stand, "bad")
    local id = stand.node:letters()[1].id
    stand.node:replay(id)
    stand.world:run(10)
    check.equal(#stand.node:letters(), 1)
    check.equal(stand.node:letters()[1].id ~= id, true)
end)

check.test("drop drops one, 0 drops all", function()
    local stand = stage()
    fail(stand, "a", "b", "c")
    local letters = stand.node:letters()
    check.equal(stand.node:drop(letters[2].id), true)
    check.answers("ENOTFOUND", stand.node:drop(letters[2].id))
    check.equal(#stand.node:letters(), 2)
    check.equal(stand.node:drop(0), true)
    check.equal(#stand.node:letters(), 0)
    check.raises("number expected", stand.node.drop, stand.node)
    check.raises("number expected", stand.node.replay, stand.node, "x")
end)

-- id: BD01
check.test("a letter is kept when its receiver has ended", function()
    local stand = stage()
    fail(stand, "bad")
    stand.daemon:stop()
    local letter = stand.node:letters()[1]
    check.answers("ECLOSED", stand.node:replay(letter.id))
    check.equal(stand.node:letters()[1].data, "bad")
end)

check.test("data that was too big to keep is not there", function()
    local stand = stage()
    fail(stand, ("x"):rep(2 * 1024 * 1024))
    local letter = stand.node:letters()[1]
    check.equal(letter.data, nil)
    check.contains(letter.text, "not 2097152")
    check.answers("EMISSING", stand.node:replay(letter.id))
    check.equal(#stand.node:letters(), 1)
end)

check.test("what is queued as a daemon ends is a letter CLOSED", function()
    local node = check.node()
    node:register(check.class("echo", print))
    local daemon = node:spawn("echo", {subscribe = {"ticks"}})
    node:publish("ticks", "late")
    daemon:stop(0)
    local letter = node:letters()[1]
    check.equal(letter.reason, "CLOSED")
    check.equal(letter.data, "late")
end)

return check.run()
